import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react';
import { I18nProvider } from 'react-aria-components';

import { remember, remembered } from '../lib/store';
import type { en } from './en';

/** A catalogue has the members of the English one; its texts are other texts. */
type Translated<T> = T extends string ? string : T extends (...given: infer G) => string ? (...given: G) => string : { [K in keyof T]: Translated<T[K]> };

export type Texts = Translated<typeof en>;
export type Language = 'en' | 'zh';

const LOADERS: Record<Language, () => Promise<Texts>> = {
  en: async () => (await import('./en')).en,
  zh: async () => (await import('./zh')).zh,
};
const LOCALES: Record<Language, string> = { en: 'en-US', zh: 'zh-CN' };
const TAGS: Record<Language, string> = { en: 'en', zh: 'zh-Hans' };

interface Spoken {
  t: Texts;
  language: Language;
  /** For `Intl`. */
  locale: string;
  speak: (language: Language) => void;
}

const Context = createContext<Spoken | null>(null);

/** What was chosen here, else what the server took from the request, else the browser's. */
function begun(): Language {
  const chosen = remembered('language');
  if (chosen === 'en' || chosen === 'zh') return chosen;
  return document.documentElement.lang.startsWith('zh') ? 'zh' : 'en';
}

export function Speaking({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(begun);
  const [texts, setTexts] = useState<Texts | null>(null);
  useEffect(() => {
    let wanted = true;
    void LOADERS[language]().then((loaded) => {
      if (!wanted) return;
      document.documentElement.lang = TAGS[language];
      setTexts(() => loaded);
    });
    return () => {
      wanted = false;
    };
  }, [language]);
  const speak = useCallback((next: Language) => {
    remember('language', next);
    setLanguage(next);
  }, []);
  const spoken = useMemo(
    () => texts && { t: texts, language, locale: LOCALES[language], speak },
    [texts, language, speak],
  );
  if (!spoken) return null;
  return (
    <I18nProvider locale={spoken.locale}>
      <Context value={spoken}>{children}</Context>
    </I18nProvider>
  );
}

/** The texts of the language that is spoken. */
export function useText(): Spoken {
  const spoken = use(Context);
  if (!spoken) throw new Error('there is no language around this');
  return spoken;
}
