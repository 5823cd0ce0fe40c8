// Languages, zones and encodings: what the host does for a script is paid for, and ends by a limit.

//# intl_long_text_to_segment => fuel_exhausted|memory_limit
const text = 'word '.repeat(200000);
for (;;) [...new Intl.Segmenter('th', { granularity: 'word' }).segment(text)];
//# intl_long_texts_to_compare => fuel_exhausted
const text = 'é'.repeat(500000);
for (;;) (text + 'a').localeCompare(text + 'b', 'de');
//# intl_too_long_to_segment => memory_limit|ok "RangeError"
try { new Intl.Segmenter('en').segment('a'.repeat(1100000)); return 'segmented'; } catch (error) { return error.name; }
//# intl_every_language => fuel_exhausted|memory_limit
for (;;) for (const a of 'abcdefghijklmnopqrstuvwxyz') for (const b of 'abcdefghijklmnopqrstuvwxyz') {
  new Intl.NumberFormat(a + b, { style: 'currency', currency: 'EUR', currencyDisplay: 'name' }).format(1);
  new Intl.DateTimeFormat(a + b, { dateStyle: 'full', timeStyle: 'full', calendar: 'chinese', timeZone: 'Asia/Shanghai' }).format(0);
}
//# intl_a_formatter_each_time => fuel_exhausted
for (let i = 0; ; i++) new Intl.NumberFormat('en', { minimumFractionDigits: i % 100, maximumFractionDigits: 100, minimumIntegerDigits: i % 21 + 1 }).format(i);
//# intl_locales_that_are_none => ok ["RangeError","RangeError","RangeError","RangeError","RangeError"]
return ['', 'x', 'en-'.repeat(500), '\u0000', 'en-u-ca-\ud800'].map((tag) => { try { return new Intl.DateTimeFormat(tag).format(0); } catch (error) { return error.name; } });
//# intl_zones_that_are_none => ok ["RangeError","RangeError","RangeError","RangeError"]
return ['', '../../etc/passwd', 'A'.repeat(100000), '+99:99'].map((timeZone) => { try { return new Date(0).toLocaleString('en', { timeZone }); } catch (error) { return error.name; } });
//# intl_digits_without_end => ok true
return new Intl.NumberFormat('en', { minimumFractionDigits: 100, minimumIntegerDigits: 21 }).format('1e400').length > 400;
//# decode_much => fuel_exhausted
const bytes = new Uint8Array(4 << 20).fill(0xc4);
for (;;) new TextDecoder('gb18030').decode(bytes);
//# decode_a_stream_byte_by_byte => fuel_exhausted
const decoder = new TextDecoder('shift_jis');
for (;;) decoder.decode(new Uint8Array([0x82]), { stream: true });
//# decode_with_a_label_that_is_none => ok ["RangeError","RangeError","RangeError"]
return ['', 'utf-9', 'a'.repeat(100000)].map((label) => { try { return new TextDecoder(label).encoding; } catch (error) { return error.name; } });
