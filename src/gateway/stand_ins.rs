//! Values that stand in for secrets which are not known, so that `flowcell check` can judge everything else of a trigger.
//!
//! Schemes want secrets in different forms. One of these values fits each form. Called by `flowcell check` alone: the server never
//! verifies with one of them.

/// One value for each form that a secret has: a text, `name:password`, the 43 characters of an EncodingAESKey, an Ed25519 key in
/// hex, and the public keys of RSA, of P-256, of P-384 and of Ed25519 as PEM. Nobody has the private ones.
pub const STAND_INS: [&str; 8] = [
    "0123456789abcdef",
    "name:0123456789abcdef",
    "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
    "c27e4eead58c2930823db142c0a21399ee343791cb65094c9e7afac73908a20b",
    "-----BEGIN PUBLIC KEY-----\n\
     MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAt3UzdvrvEmSdLQ73Un6d\n\
     wad5C5lXB4hUme2Txg+I7GFBmMSab5ntOXC+T2GY7z/iEtKUxWLrtQjq4JSjBwXz\n\
     6vzxCRR6zfIRGKv3b3MlTMzG+9nGdmRo38tRnH6ilsnlH5RMjYseaokzti7Lafuc\n\
     uw8HzIIt/nLwDgch0lrqpwJaU9M2sd+MvZHiJOm5ZwjbJPos2e5hi5Rgs9yNl0kT\n\
     +d69kYeYkZj+vaTV4MspykpDXuM7HKWO6Tqsh0nTpMIzr5I0GoDHCqI08/q2w6vX\n\
     zFWEwADjA+vgRJAIkSO/JsjqErHTiEq/t50n4RF7noG+xiSLIVmR4bZXD8JYlkvD\n\
     1wIDAQAB\n\
     -----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----\n\
     MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWRPK0JQPFwVY/20usF16j5peSeap\n\
     fJwQSUX53F8fLBP0M3MUxVn388EfhARrov6cp6+dixTmCIpWtA0jAOqfSQ==\n\
     -----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----\n\
     MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAED+oHvcv5bb5MuRt1k5lzrTyRc5aqMAN5\n\
     6cpse77HB7qteBG3Hxn4TlA+uoLzO04UkxL3sUcRJInK3MN+vXRTuu0BRuuPXYMg\n\
     IQgVBIAyfklKllOV5NCsT+wbvOl8rD/D\n\
     -----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----\n\
     MCowBQYDK2VwAyEANGjFdeXI61/Y7Ohrxsj3p5LIYpHsob04ncJh5izhIT8=\n\
     -----END PUBLIC KEY-----",
];
