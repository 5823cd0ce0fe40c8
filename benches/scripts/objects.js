const list = [];
for (let i = 0; i < 5000; i++) {
  list.push({ id: i, name: 'item ' + i, tags: [i % 3, i % 5], nested: { even: i % 2 === 0 } });
}
const groups = {};
for (const item of list) (groups[item.tags[0]] ??= []).push(item.name);
return Object.keys(groups).map((key) => groups[key].filter((name) => name.endsWith('7')).length);
