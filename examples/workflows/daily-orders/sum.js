// Sums up the day that ended before the time of the schedule.
const day = new Date(Date.parse(context.params.scheduled) - 86_400_000).toISOString().slice(0, 10);
let [orders, cents, after] = [0, 0, undefined];
do {
  const page = await kv.list({ prefix: `orders/${day}/`, limit: 1000, after });
  orders += page.entries.length;
  cents += page.entries.reduce((sum, { value }) => sum + value, 0);
  after = page.next;
} while (after);
await kv.set(`sums/${day}`, { orders, cents }, { ttl: '400d' });
console.log(`${day}: ${orders} orders, ${cents} cents`);
return { day, orders, cents };
