// The body of an async function: what it returns is the answer.
const message = context.data?.data?.message ?? context.query.message ?? 'nothing yet';
console.log('got', message);
return { received: message, event: context.data?.event ?? null };
