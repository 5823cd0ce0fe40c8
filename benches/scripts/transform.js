const { commits, ref } = context.data;
const rows = [];
for (let round = 0; round < 50; round++) {
  for (const { id, message, author: { name, ...who }, added, removed, modified, ...rest } of commits) {
    const files = [...added, ...removed, ...modified].map((file) => file.split('/').at(-1).toUpperCase());
    rows.push({ id: id.slice(0, 7), title: message.split('\n')[0], author: { name, ...who }, files, ...rest, ref });
  }
}
const byAuthor = Object.entries(rows.reduce((all, row) => ({ ...all, [row.author.name]: (all[row.author.name] ?? 0) + row.files.length }), {}));
return JSON.parse(JSON.stringify({ rows, byAuthor })).rows.length;
