// Keeps one order below its day. The same order sent again replaces itself, so that nothing is counted twice.
const { id, cents } = context.data ?? {};
if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id)) return { wrong: 'give an id of letters, digits, - and _' };
if (!Number.isSafeInteger(cents) || cents < 0) return { wrong: 'give cents, a whole number' };
const key = `orders/${new Date().toISOString().slice(0, 10)}/${id}`;
await kv.set(key, cents, { ttl: '7d' });
return { key };
