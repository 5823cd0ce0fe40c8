// require('assert') (https://nodejs.org/api/assert.html). Messages are short where Node draws the difference of two values.
(function (native, modules, global) {
  'use strict';
  const { failure, wrongType } = modules.cryptoTools;
  const show = (value) => native.inspect(value, { depth: 100, compact: false });

  class AssertionError extends Error {
    constructor(options) {
      if (options === null || typeof options !== 'object') throw wrongType('options', 'of type object', options);
      const { message, operator, actual, expected } = options;
      super(message === undefined ? said(operator, actual, expected) : `${message}`);
      native.hide(this, 'name', 'AssertionError');
      this.generatedMessage = options.message === undefined || options.generated === true;
      this.code = 'ERR_ASSERTION';
      this.actual = actual;
      this.expected = expected;
      this.operator = operator;
    }
    toString() { return `${this.name} [${this.code}]: ${this.message}`; }
  }
  const WORDS = {
    __proto__: null,
    strictEqual: 'Expected values to be strictly equal:', notStrictEqual: 'Expected "actual" to be strictly unequal to:',
    deepStrictEqual: 'Expected values to be strictly deep-equal:', notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
    deepEqual: 'Expected values to be loosely deep-equal:', notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
  };
  function said(operator, actual, expected) {
    const [a, b] = [show(actual), show(expected)];
    if (operator === 'strictEqual' || operator === 'deepStrictEqual') return a.includes('\n') || b.includes('\n') ? `${WORDS[operator]}\n+ actual\n${a}\n- expected\n${b}` : `${WORDS[operator]}\n\n${a} !== ${b}\n`;
    if (operator === 'deepEqual') return `${WORDS[operator]}\n\n${a}\n\nshould loosely deep-equal\n\n${b}`;
    if (operator === 'notDeepEqual') return `${WORDS[operator]}\n\n${a}\n\nshould not loosely deep-equal\n\n${b}`;
    if (operator in WORDS) return a.includes('\n') ? `${WORDS[operator]}\n\n${b}` : `${WORDS[operator]} ${b}`;
    return `${a} ${operator} ${b}`;
  }
  function refuse(operator, actual, expected, message) {
    if (message instanceof Error) throw message;
    throw new AssertionError({ actual, expected, operator, message });
  }
  function truth(given, value, message) {
    if (value) return;
    if (message instanceof Error) throw message;
    const none = 'No value argument passed to `assert.ok()`';
    throw new AssertionError({ actual: value, expected: true, operator: '==', message: message ?? (given === 0 ? none : 'The expression evaluated to a falsy value'), generated: message === undefined || message === null });
  }
  function assert(value, message) { truth(arguments.length, value, message); }

  const has = (error, key) => (typeof error === 'object' || typeof error === 'function' ? key in error : error[key] !== undefined);
  // Whether an error is what `throws` wants; it fails if not.
  function fits(error, expected, message, operator) {
    if (expected === undefined) return;
    if (typeof expected === 'function') {
      if (expected.prototype !== undefined && error instanceof expected) return;
      if (Object.prototype.isPrototypeOf.call(Error, expected)) {
        const received = error?.constructor?.name ? `"${error.constructor.name}"` : native.inspect(error);
        refuse(operator, error, expected, message ?? `The error is expected to be an instance of "${expected.name}". Received ${received}${error?.message ? `\n\nError message:\n\n${error.message}` : ''}`);
      }
      const given = Reflect.apply(expected, {}, [error]);
      if (given === true) return;
      refuse(operator, error, expected, message ?? `The ${expected.name ? `"${expected.name}" ` : ''}validation function is expected to return "true". Received ${native.inspect(given)}${error instanceof Error ? `\n\nCaught error:\n\n${error}` : ''}`);
    }
    if (expected instanceof RegExp) {
      if (expected.test(`${error}`)) return;
      refuse(operator, error, expected, message ?? `The input did not match the regular expression ${native.inspect(expected)}. Input:\n\n${native.inspect(`${error}`)}\n`);
    }
    if (expected === null || typeof expected !== 'object') throw wrongType('expected', 'of type function or an instance of Error, RegExp, or Object', expected);
    const keys = Object.keys(expected);
    if (expected instanceof Error) keys.push('name', 'message');
    else if (keys.length === 0) throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', "The argument 'error' may not be an empty object. Received {}");
    for (const key of keys) {
      const text = typeof error?.[key] === 'string' && expected[key] instanceof RegExp && expected[key].test(error[key]);
      if (error === null || error === undefined || !has(error, key) || (!text && !modules.deepEqual(error[key], expected[key], false))) {
        refuse(operator, error, expected, message ?? `Expected values to be strictly deep-equal:\n\n${native.inspect(error?.[key])} !== ${native.inspect(expected[key])} (of ${native.inspect(key)})\n`);
      }
    }
  }
  const parted = (expected, message) => (typeof expected === 'string' ? [undefined, expected] : [expected, message]);
  function wants(operator, caught, expected, message) {
    [expected, message] = parted(expected, message);
    if (!caught) {
      const name = expected?.name ? ` (${expected.name})` : '';
      refuse(operator, undefined, expected, message instanceof Error ? message : `Missing expected ${operator === 'rejects' ? 'rejection' : 'exception'}${name}${message ? `: ${message}` : '.'}`);
    }
    fits(caught.error, expected, message, operator);
  }
  function wantsNone(operator, caught, expected, message) {
    if (!caught) return;
    [expected, message] = parted(expected, message);
    const meant = expected === undefined || (typeof expected === 'function' ? caught.error instanceof expected : expected instanceof RegExp && expected.test(`${caught.error}`));
    if (!meant) throw caught.error;
    refuse(operator, caught.error, expected, `Got unwanted ${operator === 'doesNotReject' ? 'rejection' : 'exception'}${message ? `: ${message}` : '.'}\nActual message: "${caught.error?.message}"`);
  }
  function caught(work) {
    if (typeof work !== 'function') throw wrongType('fn', 'of type function', work);
    try { work(); } catch (error) { return { error }; }
    return undefined;
  }
  async function refused(work) {
    let promise = work;
    if (typeof work === 'function') promise = work();
    if (promise === null || typeof promise?.then !== 'function') {
      throw typeof work === 'function' ? failure(TypeError, 'ERR_INVALID_RETURN_VALUE', `Expected instance of Promise to be returned from the "promiseFn" function but got ${native.inspect(promise)}.`)
        : wrongType('promiseFn', 'of type function or an instance of Promise', work);
    }
    try { await promise; } catch (error) { return { error }; }
    return undefined;
  }
  const deep = (loose) => (a, b) => modules.deepEqual(a, b, loose);
  const same = (a, b) => a == b || (NumberIsNaN(a) && NumberIsNaN(b)); // eslint-disable-line eqeqeq
  const pair = (name, operator, is, wanted) => ({
    [name](actual, expected, message) {
      if (arguments.length < 2) throw failure(TypeError, 'ERR_MISSING_ARGS', 'The "actual" and "expected" arguments must be specified');
      if (is(actual, expected) !== wanted) refuse(operator, actual, expected, message);
    },
  })[name];
  const matches = (operator, wanted) => (text, pattern, message) => {
    if (!(pattern instanceof RegExp)) throw wrongType('regexp', 'an instance of RegExp', pattern);
    if (typeof text !== 'string') refuse(operator, text, pattern, message ?? `The "string" argument must be of type string. Received ${native.inspect(text)}`);
    if (pattern.test(text) !== wanted) refuse(operator, text, pattern, message ?? `The input ${wanted ? 'did not match' : 'was expected to not match'} the regular expression ${native.inspect(pattern)}. Input:\n\n${native.inspect(text)}\n`);
  };
  const functions = {
    AssertionError,
    ok(value, message) { truth(arguments.length, value, message); },
    fail(message = 'Failed') {
      if (message instanceof Error) throw message;
      throw new AssertionError({ message, operator: 'fail' });
    },
    equal: pair('equal', '==', same, true), notEqual: pair('notEqual', '!=', same, false),
    strictEqual: pair('strictEqual', 'strictEqual', Object.is, true), notStrictEqual: pair('notStrictEqual', 'notStrictEqual', Object.is, false),
    deepEqual: pair('deepEqual', 'deepEqual', deep(true), true), notDeepEqual: pair('notDeepEqual', 'notDeepEqual', deep(true), false),
    deepStrictEqual: pair('deepStrictEqual', 'deepStrictEqual', deep(false), true),
    notDeepStrictEqual: pair('notDeepStrictEqual', 'notDeepStrictEqual', deep(false), false),
    throws(work, expected, message) { wants('throws', caught(work), expected, message); },
    doesNotThrow(work, expected, message) { wantsNone('doesNotThrow', caught(work), expected, message); },
    async rejects(work, expected, message) { wants('rejects', await refused(work), expected, message); },
    async doesNotReject(work, expected, message) { wantsNone('doesNotReject', await refused(work), expected, message); },
    ifError(error) {
      if (error === null || error === undefined) return;
      throw new AssertionError({ actual: error, expected: null, operator: 'ifError', message: `ifError got unwanted exception: ${error instanceof Error ? error.message || error.name : native.inspect(error)}` });
    },
    match: matches('match', true), doesNotMatch: matches('doesNotMatch', false),
  };
  Object.assign(assert, functions);
  function strict(value, message) { truth(arguments.length, value, message); }
  assert.strict = Object.assign(strict, functions, {
    equal: assert.strictEqual, deepEqual: assert.deepStrictEqual, notEqual: assert.notStrictEqual, notDeepEqual: assert.notDeepStrictEqual, strict,
  });
  modules.assert = assert;
});
