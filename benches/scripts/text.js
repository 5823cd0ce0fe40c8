let out = '';
for (let i = 0; i < 20000; i++) {
  out += i % 3 === 0 ? `<li class="row">${i}</li>\n` : 'item ' + i + ', ';
}
return [out.length, out.split('\n').length, out.replace(/\d+/g, (n) => n.length).length];
