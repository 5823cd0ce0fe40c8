// GitHub sends JSON, or a form whose one field `payload` holds the JSON. With `verify` of GitHub, both are the event itself.
const data = context.data;

const commits = data?.commits ?? [];
return {
  event: context.headers['x-github-event'] ?? 'push',
  branch: data?.ref?.startsWith('refs/heads/') ? data.ref.slice('refs/heads/'.length) : null,
  sha: data?.after ?? null,
  commits: commits.length,
  authors: [...new Set(commits.map((commit) => commit.author.name))],
};
