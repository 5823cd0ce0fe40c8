// What Intl knows of its six locales, as the CLDR has it; every other locale is answered in en-US.
(function (native, modules, global) {
  'use strict';
  const split = (text) => text.split(' ');
  // Date patterns are the CLDR's letters; '#' in a weekday's pattern is the date. `joins`: after a long month, after a short one, after digits.
  const en = {
    decimal: '.', group: ',', percent: '#%', currency: '¤#', list: [', ', ', and ', ' and ', ', or ', ' or '],
    months: split('January February March April May June July August September October November December'),
    shortMonths: split('Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'),
    days: split('Sunday Monday Tuesday Wednesday Thursday Friday Saturday'), shortDays: split('Sun Mon Tue Wed Thu Fri Sat'),
    periods: ['AM', 'PM'], eras: ['BC', 'AD'], hour12: true,
    yMd: 'M/d/y', yM: 'M/y', Md: 'M/d', yMMMd: 'MMM d, y', yMMM: 'MMM y', MMMd: 'MMM d', y: 'y', M: 'M', MMM: 'MMM', d: 'd',
    weekday: { yMMMd: 'E, #', MMMd: 'E, #', yMd: 'E, #', Md: 'E, #', d: '# E' },
    styles: { full: 'EEEE, MMMM d, y', long: 'MMMM d, y', medium: 'MMM d, y', short: 'M/d/yy' },
    hour: { 12: 'h\u202fa', 24: 'HH' }, time: { 12: '#\u202fa', 24: '#' }, pad: true, zone: '# z', joins: [" 'at' ", ', ', ', '], dayTime: ' ',
    symbols: { USD: '$', JPY: '¥' },
  };
  const britain = {
    ...en, list: [', ', ' and ', ' and ', ' or ', ' or '],
    shortMonths: split('Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec'), periods: ['am', 'pm'], hour12: false,
    yMd: 'dd/MM/y', yM: 'MM/y', Md: 'dd/MM', yMMMd: 'd MMM y', MMMd: 'd MMM',
    weekday: { yMMMd: 'E, #', MMMd: 'E #', yMd: 'E, #', Md: 'E #', d: 'E #', MMMMd: 'E #' },
    styles: { full: 'EEEE, d MMMM y', long: 'd MMMM y', medium: 'd MMM y', short: 'dd/MM/y' },
    symbols: { USD: 'US$', JPY: 'JP¥' },
  };
  const germany = {
    ...en, decimal: ',', group: '.', percent: '#\u00a0%', currency: '#\u00a0¤', list: [', ', ' und ', ' und ', ' oder ', ' oder '],
    months: split('Januar Februar März April Mai Juni Juli August September Oktober November Dezember'),
    shortMonths: split('Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.'), aloneMonths: split('Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez'),
    days: split('Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag'), shortDays: split('So. Mo. Di. Mi. Do. Fr. Sa.'), aloneDays: split('So Mo Di Mi Do Fr Sa'),
    eras: ['v. Chr.', 'n. Chr.'], hour12: false,
    yMd: 'd.M.y', yM: 'M/y', Md: 'd.M.', yMMMd: 'd. MMM y', MMMd: 'd. MMM',
    weekday: { yMMMd: 'E, #', MMMd: 'E, #', yMd: 'E, #', Md: 'E, #', d: 'E, #.' },
    styles: { full: 'EEEE, d. MMMM y', long: 'd. MMMM y', medium: 'dd.MM.y', short: 'dd.MM.yy' },
    hour: { 12: "h 'Uhr'\u202fa", 24: "HH 'Uhr'" }, joins: [" 'um' ", ', ', ', '], dayTime: ', ', symbols: { USD: '$', JPY: '¥', AUD: 'AU$' },
  };
  const france = {
    ...germany, group: '\u202f', percent: '#\u00a0%', list: [', ', ' et ', ' et ', ' ou ', ' ou '],
    months: split('janvier février mars avril mai juin juillet août septembre octobre novembre décembre'),
    shortMonths: split('janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.'), aloneMonths: undefined,
    days: split('dimanche lundi mardi mercredi jeudi vendredi samedi'), aloneDays: undefined, shortDays: split('dim. lun. mar. mer. jeu. ven. sam.'),
    eras: ['av. J.-C.', 'ap. J.-C.'],
    yMd: 'dd/MM/y', yM: 'MM/y', Md: 'dd/MM', yMMMd: 'd MMM y', MMMd: 'd MMM',
    weekday: { yMMMd: 'E #', MMMd: 'E #', yMd: 'E #', Md: 'E #', d: 'E #' },
    styles: { full: 'EEEE d MMMM y', long: 'd MMMM y', medium: 'd MMM y', short: 'dd/MM/y' },
    hour: { 12: "h 'h'\u202fa", 24: "HH 'h'" }, joins: [" 'à' ", ', ', ' '], dayTime: ' ',
    symbols: { USD: '$US', JPY: 'JPY', CNY: 'CNY', GBP: '£GB', CAD: '$CA', AUD: '$AU', HKD: 'HKD', NZD: '$NZ', MXN: '$MX', TWD: 'TWD' },
  };
  const china = {
    ...en, list: ['、', '和', '和', '或', '或'],
    months: split('一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月'), shortMonths: split('1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月'),
    days: split('星期日 星期一 星期二 星期三 星期四 星期五 星期六'), shortDays: split('周日 周一 周二 周三 周四 周五 周六'), narrowDays: split('日 一 二 三 四 五 六'),
    periods: ['上午', '下午'], eras: ['公元前', '公元'], hour12: false,
    yMd: 'y/M/d', yM: 'y/M', Md: 'M/d', yMMMd: 'y年M月d日', yMMM: 'y年M月', MMMd: 'M月d日', y: 'y年', M: 'M月', MMM: 'MMM', d: 'd日',
    weekday: { yMMMd: '#E', MMMd: '#E', yMd: '#E', Md: '#E', d: '#E' },
    styles: { full: 'y年M月d日EEEE', long: 'y年M月d日', medium: 'y年M月d日', short: 'y/M/d' },
    hour: { 12: 'ah时', 24: 'H时' }, time: { 12: 'a#', 24: '#' }, zone: 'z #', joins: [' ', ' ', ' '], dayTime: '',
    symbols: { USD: 'US$', JPY: 'JP¥', CNY: '¥', AUD: 'AU$' },
  };
  const japan = {
    ...china, list: ['、', '、', '、', '、または', 'または'],
    months: split('1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月'),
    days: split('日曜日 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日'), shortDays: split('日 月 火 水 木 金 土'), narrowDays: undefined,
    periods: ['午前', '午後'], eras: ['紀元前', '西暦'],
    weekday: { yMMMd: '#(E)', MMMd: '#(E)', yMd: '#(E)', Md: '#(E)', d: '#(E)' },
    styles: { full: 'y年M月d日EEEE', long: 'y年M月d日', medium: 'y/MM/dd', short: 'y/MM/dd' },
    hour: { 12: 'ah時', 24: 'H時' }, pad: false, zone: '# z', dayTime: ' ', symbols: { USD: '$', JPY: '￥', CNY: '元' },
  };
  const locales = { 'en-US': en, 'en-GB': britain, 'de-DE': germany, 'fr-FR': france, 'zh-CN': china, 'ja-JP': japan };
  const likely = { en: 'en-US', de: 'de-DE', fr: 'fr-FR', zh: 'zh-CN', ja: 'ja-JP' };

  // `de-de-u-co-phonebk` as `de-DE`; scripts and extensions are left out.
  function canonical(tag) {
    if (typeof tag !== 'string' && (tag === null || typeof tag !== 'object')) throw new TypeError('Incorrect locale information provided');
    const text = `${tag}`;
    if (!/^[a-z]{2,8}([-_][a-z0-9]{1,8})*$/i.test(text)) throw new RangeError(`Incorrect locale information provided: ${text}`);
    return text.replaceAll('_', '-').split('-').map((part, at) => (at === 0 ? part.toLowerCase() : part.length === 2 ? part.toUpperCase()
      : part.length === 4 ? part[0].toUpperCase() + part.slice(1).toLowerCase() : part.toLowerCase())).join('-').replace(/-[a-z]-.*/, '');
  }
  const list = (locales) => (locales === undefined ? [] : [...new Set((ArrayIsArray(locales) ? locales : [locales]).map(canonical))]);
  const supported = (tag) => Object.hasOwn(locales, tag) || Object.hasOwn(likely, tag.split('-')[0]);
  // The first of the asked that is there, as asked, and its data.
  function resolve(wanted) {
    const tag = list(wanted).find(supported) ?? 'en-US';
    const known = tag.replace(/-[A-Z][a-z]{3}\b/, '');
    return { locale: tag, data: locales[known] ?? locales[likely[tag.split('-')[0]]] };
  }
  function option(options, name, values, fallback) {
    const value = options[name];
    if (value === undefined) return fallback;
    const text = typeof value === 'boolean' && values.includes(value) ? value : `${value}`;
    if (!values.includes(text)) throw new RangeError(`Value ${text} out of range for Intl options property ${name}`);
    return text;
  }
  const optionsOf = (options) => {
    if (options === null) throw new TypeError('Cannot convert undefined or null to object');
    return options === undefined ? {} : toObject(options);
  };

  const Intl = {};
  Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl', configurable: true });
  const hide = (target, name, value) => Object.defineProperty(target, name, { value, writable: true, configurable: true });
  // Puts a class on Intl; those that may be called without `new` get that.
  function add(Class, callable) {
    Class.supportedLocalesOf = (locales) => list(locales).filter(supported);
    hide(Class, 'supportedLocalesOf', Class.supportedLocalesOf);
    Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: `Intl.${Class.name}`, configurable: true });
    const exposed = callable ? new Proxy(Class, { apply: (target, self, args) => new target(...args) }) : Class;
    hide(Class.prototype, 'constructor', exposed);
    hide(Intl, Class.name, exposed);
  }
  hide(Intl, 'getCanonicalLocales', (locales) => list(locales));
  modules.intl = { Intl, resolve, option, optionsOf, add, hide };
  global('Intl', Intl);
});
