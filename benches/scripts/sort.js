let seed = 7;
const next = () => (seed = (seed * 16807) % 2147483647);
const list = Array.from({ length: 3000 }, () => ({ key: next(), name: 'n' + (next() % 1000) }));
list.sort((a, b) => a.key - b.key);
const names = list.map((item) => item.name).sort();
return [list[0].key, names[0], names[names.length - 1]];
