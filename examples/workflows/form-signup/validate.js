// The same for a browser's form and for JSON: both arrive as context.data.
export default async function (context) {
  const text = (value) => (typeof value === 'string' ? value.trim() : '');
  const name = text(context.data?.name);
  const email = text(context.data?.email).toLowerCase();

  const errors = [];
  if (name.length < 1 || name.length > 100) errors.push({ field: 'name', message: 'give a name of 1 to 100 characters' });
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]{2,}$/.test(email)) errors.push({ field: 'email', message: 'this is not an e-mail address' });

  return { name, email, errors };
}
