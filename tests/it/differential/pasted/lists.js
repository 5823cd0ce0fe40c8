//# sum of an order
let total = 0;
for (const item of context.data.order.items) total += item.qty * item.price;
return { total: total.toFixed(2), rounded: Math.round(total * 100) / 100 };
//# group by with reduce
const byTeam = context.data.users.reduce((acc, u) => { (acc[u.team] ||= []).push(u.name); return acc; }, {});
return byTeam;
//# group by with Object.groupBy by hand
const groupBy = (list, key) => Object.fromEntries([...list.reduce((m, x) => m.set(key(x), [...(m.get(key(x)) ?? []), x]), new Map())]);
return groupBy(context.data.users, (u) => (u.active ? 'active' : 'gone'));
//# sort by several keys
return [...context.data.users].sort((a, b) => a.team.localeCompare(b.team) || b.age - a.age).map((u) => [u.team, u.age ?? null, u.id]);
//# sort of numbers as text
return [context.data.users.map((u) => u.id).sort(), [10, 9, 1, 100].sort(), [3, undefined, 1, , 2].sort(), ['b', undefined, 'a'].sort().length];
//# stable sort of many
const list = Array.from({ length: 600 }, (_, i) => ({ i, k: (i * 7919) % 13 }));
list.sort((a, b) => a.k - b.k);
return list.every((x, n) => n === 0 || list[n - 1].k < x.k || (list[n - 1].k === x.k && list[n - 1].i < x.i));
//# unique values
const tags = context.data.order.items.flatMap((i) => i.tags);
return [[...new Set(tags)], tags.filter((t, i) => tags.indexOf(t) === i), [NaN, NaN, 0, -0].filter((t, i, l) => l.indexOf(t) === i), [...new Set([NaN, NaN, 0, -0])].length];
//# unique objects by a key
const seen = {};
return context.data.users.concat(context.data.users).filter((u) => (seen[u.id] ? false : (seen[u.id] = true))).length;
//# chunks
const chunk = (list, n) => (list.length ? [list.slice(0, n), ...chunk(list.slice(n), n)] : []);
return chunk([1, 2, 3, 4, 5, 6, 7], 3);
//# flatten
return [context.data.nested.list.flat(), context.data.nested.list.flat(Infinity), [[1, , 2], [3]].flat(), [1, [2]].flatMap((x) => [x, [x]])];
//# zip and transpose
const a = [[1, 2, 3], [4, 5, 6]];
return [a[0].map((_, i) => a.map((row) => row[i])), Object.fromEntries(a[0].map((k, i) => [k, a[1][i]]))];
//# range and fill
return [[...Array(5).keys()], Array.from({ length: 3 }, (_, i) => i * 2), new Array(3).fill().map(() => ({})), Array(3).fill([]).map((x, i, all) => x === all[0])];
//# find and its friends
const u = context.data.users;
return [u.find((x) => x.age > 40)?.name, u.findIndex((x) => !x.email), u.findLast((x) => x.active).id, u.findLastIndex((x) => x.team === 'none'), u.some((x) => x.age < 18), u.every((x) => x.joined)];
//# at, with, toSorted, toSpliced, toReversed
const l = [5, 1, 4];
return [l.at(-1), l.with(1, 9), l.toSorted(), l.toSpliced(0, 1, 'a', 'b'), l.toReversed(), l];
//# splice in a loop
const l = [1, 2, 3, 4, 5, 6];
for (let i = l.length - 1; i >= 0; i--) if (l[i] % 2) l.splice(i, 1);
return l;
//# delete leaves a hole
const l = [1, 2, 3];
delete l[1];
return [l.length, 1 in l, l.map((x) => x * 2).length, l.forEach.length, JSON.stringify(l), l.findIndex((x) => x === undefined), l.indexOf(undefined), l.includes(undefined)];
//# length is written
const l = [1, 2, 3];
l.length = 1; l[3] = 'x';
const m = []; m[m.length] = 1; m[m.length] = 2; m.length--;
return [l.length, Object.keys(l), m];
//# min and max
const ages = context.data.users.map((u) => u.age).filter(Number.isFinite);
return [Math.max(...ages), Math.min.apply(null, ages), Math.max(), ages.reduce((a, b) => Math.max(a, b), -Infinity), Math.max(1, NaN), Math.max(...[])];
//# average and median
const s = [...context.data.users.map((u) => u.age ?? 0)].sort((a, b) => a - b);
const median = s.length % 2 ? s[(s.length - 1) / 2] : (s[s.length / 2 - 1] + s[s.length / 2]) / 2;
return { average: s.reduce((a, b) => a + b, 0) / s.length, median };
//# pivot
const rows = [['a', 'x', 1], ['a', 'y', 2], ['b', 'x', 3], ['b', 'y', 4], ['a', 'x', 5]];
const table = {};
for (const [r, c, v] of rows) { table[r] ??= {}; table[r][c] = (table[r][c] ?? 0) + v; }
return table;
//# left join
const teams = new Map([['ops', { lead: 'Kim' }], ['dev', { lead: 'Lu' }]]);
return context.data.users.map(({ id, team, ...rest }) => ({ id, lead: teams.get(team)?.lead ?? null, has: 'email' in rest, team: rest.team }));
//# counting words
const counts = context.data.text.toLowerCase().match(/[a-z]+/g).reduce((m, w) => m.set(w, (m.get(w) || 0) + 1), new Map());
return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, 4);
//# a queue
const queue = [1, 2, 3], out = [];
while (queue.length) { const n = queue.shift(); out.push(n); if (n < 3) queue.push(n + 3); }
return [out, queue.unshift(7, 8), queue];
//# matrix
const mul = (a, b) => a.map((r) => b[0].map((_, j) => r.reduce((s, x, k) => s + x * b[k][j], 0)));
return mul([[1, 2], [3, 4]], [[0, 1], [1, 0]]);
//# binary search
const l = Array.from({ length: 1000 }, (_, i) => i * 3);
let lo = 0, hi = l.length;
while (lo < hi) { const mid = (lo + hi) >>> 1; if (l[mid] < 1500) lo = mid + 1; else hi = mid; }
return [lo, l[lo]];
//# permutations by a generator
function* permute(l, n = l.length) { if (n <= 1) yield l.slice(); else for (let i = 0; i < n; i++) { yield* permute(l, n - 1); const j = n % 2 ? 0 : i; [l[n - 1], l[j]] = [l[j], l[n - 1]]; } }
return [...permute(['a', 'b', 'c'])].map((p) => p.join(''));
//# top n of a heap
class Heap { #a = []; push(v) { this.#a.push(v); let i = this.#a.length - 1; while (i > 0) { const p = (i - 1) >> 1; if (this.#a[p] <= this.#a[i]) break; [this.#a[p], this.#a[i]] = [this.#a[i], this.#a[p]]; i = p; } }
  pop() { const top = this.#a[0], last = this.#a.pop(); if (this.#a.length) { this.#a[0] = last; let i = 0; for (;;) { let m = i; for (const c of [2 * i + 1, 2 * i + 2]) if (c < this.#a.length && this.#a[c] < this.#a[m]) m = c; if (m === i) break; [this.#a[m], this.#a[i]] = [this.#a[i], this.#a[m]]; i = m; } } return top; } get size() { return this.#a.length; } }
const h = new Heap(); for (const n of [5, 3, 8, 1, 9, 2, 7]) h.push(n);
const out = []; while (h.size) out.push(h.pop());
return out;
//# difference and union
const a = new Set([1, 2, 3]), b = new Set([3, 4]);
return [[...a].filter((x) => !b.has(x)), [...new Set([...a, ...b])], [...a].filter((x) => b.has(x))];
//# array likes
const fake = { length: 3, 0: 'a', 2: 'c' };
return [Array.from(fake), Array.prototype.map.call(fake, (x) => x + '!').length, [].slice.call('héllo', 1, 3), Array.prototype.join.call(fake, '-'), [...'a👍b']];
//# concat and spread
return [[].concat(1, [2], [[3]]), [...[1, 2], ...'ab', ...new Set([1, 1])], Math.max(...[1, 2], 3), [, ...[,]].length, [1, 2].concat({ length: 1, 0: 'x', [Symbol.isConcatSpreadable]: true })];
//# copyWithin, fill, entries, keys
return [[1, 2, 3, 4, 5].copyWithin(0, 3), [1, 2, 3].fill(0, 1, -1), [...['a', 'b'].entries()], [...[, 'x'].keys()], [1, 2, 3].lastIndexOf(3, -5)];
//# reduceRight and compose
const compose = (...fns) => (x) => fns.reduceRight((v, f) => f(v), x);
let none; try { [].reduce((a, b) => a + b); } catch (e) { none = e.name; }
return [compose((x) => x + 1, (x) => x * 2)(5), none, [[1, 2], [3]].reduceRight((a, b) => a.concat(b))];
//# join shows nothing for null
return [[1, null, undefined, [2, [3]], {}].join(), String([null, [undefined, 1]]), [] + [], [] + {}, [1] == 1, [1, 2] == '1,2'];
