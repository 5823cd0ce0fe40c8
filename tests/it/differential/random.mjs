// Random choices that are the same for the same seed on every machine.

export class Random {
  constructor(seed) {
    this.state = seed >>> 0 || 1;
  }
  // mulberry32.
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  below(n) {
    return Math.floor(this.next() * n);
  }
  chance(p) {
    return this.next() < p;
  }
  pick(list) {
    return list[this.below(list.length)];
  }
  // `count` different ones, in a random order.
  some(list, count) {
    const rest = [...list];
    const out = [];
    while (out.length < count && rest.length) out.push(rest.splice(this.below(rest.length), 1)[0]);
    return out;
  }
  // The results of `count` calls of `make`.
  times(count, make) {
    return Array.from({ length: count }, (_, index) => make(index));
  }
}
