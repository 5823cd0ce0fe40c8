// X509Certificate (https://nodejs.org/api/crypto.html#class-x509certificate): what a certificate says, and who signed it. Chains and trust are
// nobody's here.
(function (native, modules, global) {
  'use strict';
  const tools = modules.cryptoTools;
  const { failure, wrongType, invalidValue, KeyObject, pem } = tools;
  const { Buffer } = modules.buffer;

  const lower = (text) => text.toLowerCase();
  // OpenSSL's valid_star: where the one asterisk of a pattern may stand, or -1.
  function starOf(pattern, { partialWildcards }) {
    const at = pattern.indexOf('*');
    const labels = pattern.split('.');
    const [first] = labels;
    if (at === -1 || pattern.indexOf('*', at + 1) !== -1 || at >= first.length || labels.length < 3 || /^xn--/i.test(first)) return -1;
    if (!labels.every((label) => /^[a-z0-9*](?:[a-z0-9*-]*[a-z0-9*])?$/i.test(label))) return -1;
    if (first !== '*' && (partialWildcards === false || (at !== 0 && at !== first.length - 1))) return -1;
    return at;
  }
  function hostMatches(pattern, host, options) {
    if (pattern === '') return false;
    const [name, own] = [lower(pattern), lower(host)];
    if (own.length > 1 && own[0] === '.') {
      const before = name.slice(0, -own.length);
      return name.length > own.length && name.endsWith(own) && !(options.singleLabelSubdomains && before.includes('.'));
    }
    if (name === own) return true;
    const star = options.wildcards === false ? -1 : starOf(name, options);
    if (star === -1) return false;
    const [prefix, suffix] = [name.slice(0, star), name.slice(star + 1)];
    if (own.length < prefix.length + suffix.length || !own.startsWith(prefix) || !own.endsWith(suffix)) return false;
    const middle = own.slice(prefix.length, own.length - suffix.length);
    const whole = prefix === '' && suffix[0] === '.';
    if (whole ? middle === '' : own.startsWith('xn--')) return false;
    return middle === '*' || (whole && options.multiLabelWildcards ? /^[a-z0-9.-]*$/ : /^[a-z0-9-]*$/).test(middle);
  }
  function mailMatches(own, mail) {
    const at = own.lastIndexOf('@');
    return at > 0 && own.slice(0, at) === mail.slice(0, at) && lower(own.slice(at)) === lower(mail.slice(at));
  }
  // The bytes of an IP address, or undefined.
  function addressOf(text) {
    if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
      const parts = text.split('.').map(Number);
      return parts.every((part) => part < 256) ? parts.join('.') : undefined;
    }
    if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text)) return undefined;
    const halves = text.replace(/\d+\.\d+\.\d+\.\d+$/, (four) => {
      const [a, b, c, d] = four.split('.').map(Number);
      return a < 256 && b < 256 && c < 256 && d < 256 ? `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}` : 'x';
    }).split('::');
    const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
    const count = groups[0].length + (groups[1] ? groups[1].length : 0);
    if (halves.length > 2 || (halves.length === 1 ? count !== 8 : count > 7)) return undefined;
    const all = halves.length === 1 ? groups[0] : [...groups[0], ...Array(8 - count).fill('0'), ...groups[1]];
    return all.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) ? all.map((group) => parseInt(group, 16).toString(16).toUpperCase()).join(':') : undefined;
  }
  // Values that could be taken for the next name are quoted.
  const shown = (value) => (/[^ -~]|[",'\\]/.test(value) ? JSON.stringify(value) : value);
  const SUBJECTS = ['default', 'always', 'never'];
  const FLAGS = ['wildcards', 'partialWildcards', 'multiLabelWildcards', 'singleLabelSubdomains'];
  function checked(options = {}) {
    if (options === null || typeof options !== 'object') throw wrongType('options', 'of type object', options);
    const { subject = 'default' } = options;
    if (!SUBJECTS.includes(subject)) throw invalidValue('options.subject', subject);
    for (const flag of FLAGS) {
      if (options[flag] !== undefined && typeof options[flag] !== 'boolean') throw wrongType(`options.${flag}`, 'of type boolean', options[flag]);
    }
    return { ...options, subject };
  }
  const string = (name, value) => { if (typeof value !== 'string') throw wrongType(name, 'of type string', value); };

  const ACCESS = { __proto__: null, '1.3.6.1.5.5.7.48.1': 'OCSP', '1.3.6.1.5.5.7.48.2': 'CA Issuers' };
  class X509Certificate {
    #about;
    #raw;
    #key;
    constructor(buffer) {
      if (typeof buffer !== 'string' && !ArrayBufferIsView(buffer)) throw wrongType('buffer', 'of type string or an instance of Buffer, TypedArray, or DataView', buffer);
      const [json, raw] = native.x509(typeof buffer === 'string' ? Buffer.from(buffer) : buffer);
      this.#about = JSON.parse(json);
      this.#raw = raw;
    }
    get subject() { return this.#about.subject.text || undefined; }
    get issuer() { return this.#about.issuer.text || undefined; }
    get subjectAltName() { return this.#about.names === null ? undefined : this.#about.names.map(([kind, value]) => `${kind}:${shown(value)}`).join(', '); }
    get infoAccess() {
      return this.#about.access === null ? undefined : this.#about.access.map(([method, [kind, value]]) => `${ACCESS[method] ?? method} - ${kind}:${shown(value)}`).join('\n');
    }
    get validFrom() { return this.#about.from[0]; }
    get validTo() { return this.#about.to[0]; }
    get validFromDate() { return new Date(this.#about.from[1]); }
    get validToDate() { return new Date(this.#about.to[1]); }
    get serialNumber() { return this.#about.serial; }
    get keyUsage() { return this.#about.usage ?? undefined; }
    get ca() { return this.#about.ca; }
    get issuerCertificate() { return undefined; }
    #print(hash) { return modules.crypto.createHash(hash).update(new Uint8Array(this.#raw)).digest('hex').toUpperCase().replace(/(..)(?!$)/g, '$1:'); }
    get fingerprint() { return this.#print('sha1'); }
    get fingerprint256() { return this.#print('sha256'); }
    get fingerprint512() { return this.#print('sha512'); }
    get raw() { return Buffer.from(this.#raw.slice(0)); }
    get publicKey() {
      this.#key ??= tools.wrapKey(native.x509Key(this.#raw));
      return this.#key;
    }
    toString() { return pem('CERTIFICATE', Buffer.from(this.#raw), ''); }
    toJSON() { return this.toString(); }
    // Names of a kind beside the subject's attribute, where that counts.
    #named(kind, attribute, { subject }) {
      const names = (this.#about.names ?? []).filter(([own]) => own === kind).map(([, value]) => value);
      const counts = subject === 'always' || (subject === 'default' && names.length === 0);
      return counts ? [...names, ...this.#about.subject.values.filter(([own]) => own === attribute).map(([, value]) => value)] : names;
    }
    checkHost(name, options) {
      string('name', name);
      const how = checked(options);
      return this.#named('DNS', 'CN', how).find((pattern) => name !== '' && hostMatches(pattern, name, how));
    }
    checkEmail(email, options) {
      string('email', email);
      return this.#named('email', 'emailAddress', checked(options)).some((own) => mailMatches(own, email)) ? email : undefined;
    }
    checkIP(ip) {
      string('ip', ip);
      const address = addressOf(ip);
      if (address === undefined) throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', 'Invalid IP');
      return (this.#about.names ?? []).some(([kind, value]) => kind === 'IP Address' && value === address) ? ip : undefined;
    }
    checkIssued(otherCert) {
      if (!(otherCert instanceof X509Certificate)) throw wrongType('otherCert', 'an instance of X509Certificate', otherCert);
      return native.x509Issued(this.#raw, otherCert.#raw);
    }
    checkPrivateKey(pkey) {
      if (!(pkey instanceof KeyObject)) throw wrongType('pkey', 'an instance of KeyObject', pkey);
      if (pkey.type !== 'private') throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'pkey' is invalid. Received a ${pkey.type} key`);
      return modules.crypto.createPublicKey(pkey).equals(this.publicKey);
    }
    verify(pkey) {
      if (!(pkey instanceof KeyObject)) throw wrongType('pkey', 'an instance of KeyObject', pkey);
      if (pkey.type !== 'public') throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'pkey' is invalid. Received a ${pkey.type} key`);
      return native.x509Verify(this.#raw, KeyObject.nativeOf(pkey));
    }
  }
  modules.crypto.X509Certificate = X509Certificate;
});
