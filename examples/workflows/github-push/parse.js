// GitHub sends JSON, or a form whose field `payload` holds the JSON: both work.
const data = typeof context.data?.payload === 'string' ? JSON.parse(context.data.payload) : context.data;

const commits = data?.commits ?? [];
return {
  event: context.headers['x-github-event'] ?? 'push',
  branch: data?.ref?.startsWith('refs/heads/') ? data.ref.slice('refs/heads/'.length) : null,
  sha: data?.after ?? null,
  commits: commits.length,
  authors: [...new Set(commits.map((commit) => commit.author.name))],
};
