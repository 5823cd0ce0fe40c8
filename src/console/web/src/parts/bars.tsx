import type { Hour } from '../api/types';
import { useText } from '../i18n';
import css from './bars.module.css';

const HEIGHT = 40;

/** What happened in each hour: failed and refused stand on what went well. Said in words for screen readers. */
export function HourBars({ hours }: { hours: readonly Hour[] }) {
  const { t } = useText();
  const most = Math.max(1, ...hours.map((hour) => hour.ok + hour.failed + hour.refused));
  const sum = (of: (hour: Hour) => number) => hours.reduce((total, hour) => total + of(hour), 0);
  const height = (value: number) => (value === 0 ? 0 : Math.max(1, (value / most) * HEIGHT));
  return (
    <svg className={css.chart} viewBox={`0 0 ${hours.length * 10} ${HEIGHT + 1}`} preserveAspectRatio="none" role="img" aria-label={t.chart.hours(sum((it) => it.ok), sum((it) => it.failed), sum((it) => it.refused))}>
      {hours.map((hour, index) => {
        const parts: ['ok' | 'failed' | 'refused', number][] = [['ok', height(hour.ok)], ['failed', height(hour.failed)], ['refused', height(hour.refused)]];
        let top = HEIGHT;
        return parts.map(([name, size]) => {
          top -= size;
          return size > 0 ? <rect key={`${hour.start} ${name}`} className={css[name]} x={index * 10 + 1.5} width={7} y={top} height={size} /> : null;
        });
      })}
      <line className={css.ground} x1={0} x2={hours.length * 10} y1={HEIGHT + 0.5} y2={HEIGHT + 0.5} />
    </svg>
  );
}
