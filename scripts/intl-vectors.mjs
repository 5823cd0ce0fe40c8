// Prints scripts and what Node makes of them, for guest-sdk/js-engine/tests/vectors/languages.json: locales x options.
//
//     node scripts/intl-vectors.mjs > guest-sdk/js-engine/tests/vectors/languages.json
//
// Node's CLDR must be 48 (process.versions.cldr), as ours is. What differs is left out: `languages-differ.json` names the rows by their
// scripts, and the locales of each (all of them when there is none); docs/scripts.md has the reasons.
import fs from 'node:fs';
const differ = JSON.parse(fs.readFileSync(new URL('../guest-sdk/js-engine/tests/vectors/languages-differ.json', import.meta.url)));
if (!process.versions.cldr.startsWith('48')) throw new Error(`this Node has the CLDR ${process.versions.cldr}; 48 is needed`);
const LOCALES = 'en-US de-DE de-AT de-CH fr-FR es-MX pt-BR it-IT nl-NL sv-SE da-DK fi-FI pl-PL cs-CZ ru-RU uk-UA tr-TR ar-EG he-IL fa-IR hi-IN bn-BD th-TH vi-VN id-ID ja-JP ko-KR zh-CN zh-TW zh-Hant-HK ca hu ro bg el lt lv et sl hr sr-Latn sw en-IN en-ZA cy is mk ka kk sq az uz ta te mr ur ne km lo my am'.split(' ');
const NUMBERS = '[0,-1.5,1,2,5,21,1234,12345.678,1234567.891,0.000001,999999.5,1500000,NaN,-Infinity]';
const number = [
  {}, { maximumFractionDigits: 0 }, { minimumFractionDigits: 2 }, { style: 'percent', maximumFractionDigits: 1 },
  ...['USD', 'EUR', 'JPY', 'CNY', 'KWD'].map((currency) => ({ style: 'currency', currency })),
  { style: 'currency', currency: 'USD', currencyDisplay: 'code' }, { style: 'currency', currency: 'EUR', currencyDisplay: 'name' }, { style: 'currency', currency: 'CAD', currencyDisplay: 'narrowSymbol' },
  { style: 'currency', currency: 'USD', currencySign: 'accounting' }, { style: 'currency', currency: 'EUR', notation: 'compact' },
  { notation: 'compact' }, { notation: 'compact', compactDisplay: 'long' }, { notation: 'scientific' }, { notation: 'engineering' },
  ...['kilometer', 'celsius', 'byte', 'kilometer-per-hour', 'day', 'liter'].flatMap((unit) => ['long', 'short', 'narrow'].map((unitDisplay) => ({ style: 'unit', unit, unitDisplay }))),
  { signDisplay: 'exceptZero' }, { maximumSignificantDigits: 3 }, { useGrouping: false }, { useGrouping: 'min2' }, { roundingMode: 'halfEven', maximumFractionDigits: 0 },
  { roundingIncrement: 5, minimumFractionDigits: 2, maximumFractionDigits: 2 }, { numberingSystem: 'thai' },
];
const TIMES = '[0,582350706000,1112659199123,1767323045678,1709208000000]';
const N = 'numeric', T = '2-digit';
const date = [
  {}, ...['full', 'long', 'medium', 'short'].flatMap((style) => [{ dateStyle: style }, { dateStyle: style, timeStyle: 'short' }]), { timeStyle: 'medium' }, { timeStyle: 'full', timeZone: 'America/New_York' },
  { year: N, month: 'long' }, { year: N, month: T, day: T }, { month: 'short', day: N }, { weekday: 'short', day: N }, { weekday: 'long', year: N, month: 'long', day: N }, { era: 'long', year: N },
  { hour: T, minute: T, hour12: false }, { hour: N, minute: T, hour12: true }, { year: N, month: N, day: N, hour: T, minute: T, second: T, timeZone: 'Asia/Shanghai' },
  ...['short', 'long', 'shortOffset', 'longOffset', 'longGeneric'].map((timeZoneName) => ({ hour: T, minute: T, timeZoneName, timeZone: 'Europe/Berlin' })),
  { timeZone: 'Asia/Kolkata', dateStyle: 'short', timeStyle: 'long' }, { timeZone: 'America/Sao_Paulo', dateStyle: 'medium', timeStyle: 'medium' },
];
const rows = [];
const add = (script) => { rows.push({ script, value: JSON.parse(JSON.stringify(new Function(script)())) }); };
for (const options of number) add(`return ${JSON.stringify(LOCALES)}.map((l)=>{const f=new Intl.NumberFormat(l,${JSON.stringify(options)});return [l,...${NUMBERS}.map(f.format)]})`);
for (const options of date) add(`return ${JSON.stringify(LOCALES)}.map((l)=>{const f=new Intl.DateTimeFormat(l,${JSON.stringify({ timeZone: 'UTC', ...options })});return [l,...${TIMES}.map(f.format)]})`);
const each = (code) => add(`return ${JSON.stringify(LOCALES)}.map((l)=>[l,${code}])`);
for (const options of [{ dateStyle: 'medium' }, { month: 'short', day: N }, { hour: N, minute: T, hour12: true }]) each(`new Intl.DateTimeFormat(l,{timeZone:'UTC',...${JSON.stringify(options)}}).formatRange(1767323045678,1767323045678+86400000*40)`);
for (const style of ['long', 'short', 'narrow']) for (const numeric of ['auto', 'always']) each(`['second','minute','hour','day','week','month','quarter','year'].flatMap((u)=>[-1,0,1,2,5].map((n)=>new Intl.RelativeTimeFormat(l,{style:'${style}',numeric:'${numeric}'}).format(n,u)))`);
for (const type of ['conjunction', 'disjunction', 'unit']) for (const style of ['long', 'narrow']) each(`[1,2,3,4].map((n)=>new Intl.ListFormat(l,{type:'${type}',style:'${style}'}).format(['a','b','c','d'].slice(0,n)))`);
for (const type of ['cardinal', 'ordinal']) each(`[0,1,2,3,4,5,6,8,11,21,100,1.5].map((n)=>new Intl.PluralRules(l,{type:'${type}'}).select(n))`);
each(`['US','CN','DE','GB'].map((c)=>new Intl.DisplayNames(l,{type:'region'}).of(c))`);
each(`['en','zh-Hans','fr','pt-BR','en-GB'].map((c)=>new Intl.DisplayNames(l,{type:'language'}).of(c))`);
each(`['USD','EUR','CNY'].map((c)=>new Intl.DisplayNames(l,{type:'currency'}).of(c))`);
each(`new Intl.NumberFormat(l).resolvedOptions()`);
each(`new Intl.DateTimeFormat(l,{timeZone:'US/Eastern',dateStyle:'short',timeStyle:'short'}).resolvedOptions()`);
each(`['z','a','Z','ä','ö','å','é','n','ñ','ch','c','h','ll','1','10','2','-a'].sort(new Intl.Collator(l).compare)`);
for (const calendar of ['buddhist', 'japanese', 'roc', 'persian', 'hebrew', 'islamic-umalqura', 'indian', 'coptic', 'ethiopic']) add(`return ['en','de','zh-CN','ja','ar','fa','he','th'].map((l)=>['full','short'].map((dateStyle)=>new Intl.DateTimeFormat(l,{calendar:'${calendar}',dateStyle,timeZone:'UTC',numberingSystem:'latn'}).format(1767323045678)))`);
add(`return ['张','李','王','阿','北京','上海'].sort((a,b)=>a.localeCompare(b,'zh-CN'))`);
add(`return ['张','李','王','阿','北京','上海'].sort(new Intl.Collator('zh-u-co-stroke').compare)`);
add(`return ['a10','a9','A1','b'].sort(new Intl.Collator('en',{numeric:true,caseFirst:'upper'}).compare)`);
add(`return ['base','accent','case','variant'].map((sensitivity)=>['a','A','á','b'].map((x)=>'a'.localeCompare(x,'en',{sensitivity})))`);
add(`return ['tr','de','lt','el','az'].map((l)=>['istanbul ß ΐ'.toLocaleUpperCase(l),'IĞDIR İ ΣΑΣ'.toLocaleLowerCase(l)])`);
add(`return ['grapheme','word','sentence'].map((granularity)=>[...new Intl.Segmenter('en',{granularity}).segment('Grüße! 👨‍👩‍👧 It’s 3.5 km. Really?')].map((s)=>[s.segment,s.index,s.isWordLike??null]))`);
const zoned = ['Asia/Shanghai', 'America/New_York', 'Europe/Moscow', 'America/Sao_Paulo', 'America/Mexico_City', 'Asia/Almaty', 'US/Eastern', 'PRC', 'Asia/Jerusalem', 'Africa/Cairo', 'America/Santiago', 'Asia/Tehran', 'Atlantic/Reykjavik', 'Asia/Novosibirsk', 'Australia/Lord_Howe', 'Europe/Dublin', 'Africa/Casablanca'];
add(`return ${JSON.stringify(zoned)}.map((timeZone)=>[582350706000,1112659199123,1340000000000,1545000000000,1655000000000,1677000000000,-1e12,4e12].map((t)=>new Date(t).toLocaleString('en-US',{timeZone})))`);
const left = rows.flatMap((row) => {
  const without = differ[row.script];
  if (!without) return [row];
  if (without.length === 0) return [];
  const kept = LOCALES.filter((locale) => !without.includes(locale));
  return [{ script: row.script.replace(JSON.stringify(LOCALES), JSON.stringify(kept)), value: row.value.filter(([locale]) => kept.includes(locale)) }];
});
console.log(`[\n${left.map((row) => JSON.stringify(row)).join(',\n')}\n]`);
