const branch = context.data.ref.replace('refs/heads/', '');
return { branch, deploy: branch === 'main', n: context.data.commits.length, authors: context.data.commits.map(c => c.author.name) };
