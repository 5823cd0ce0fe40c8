//! `Math.random` from the run's own bytes.
//!
//! Boa seeds once a process; an instance is copied from a snapshot or a script image, so that seed would be everybody's.
//! Here each entry into a script takes a new seed from the host, at the first use.

use std::cell::Cell;

use boa_engine::{Context, JsResult, JsValue, NativeFunction, js_string, object::FunctionObjectBuilder};

use crate::host;

thread_local! {
    static STATE: Cell<Option<[u64; 2]>> = const { Cell::new(None) };
}

/// Forgets the state; the next `Math.random()` asks the host.
pub(crate) fn reseed() {
    STATE.set(None);
}

pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let math = context.global_object().get(js_string!("Math"), context)?.to_object(context)?;
    let random = FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(random))
        .name(js_string!("random"))
        .build();
    math.set(js_string!("random"), random, true, context)?;
    Ok(())
}

fn random(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let [mut s1, s0] = STATE.get().unwrap_or_else(seed);
    // xorshift128+ (Vigna, 2014), the generator that browsers use for this.
    s1 ^= s1 << 23;
    let next = s1 ^ s0 ^ (s1 >> 18) ^ (s0 >> 5);
    STATE.set(Some([s0, next]));
    let bits = next.wrapping_add(s0) >> 11;
    Ok((bits as f64 / (1_u64 << 53) as f64).into())
}

fn seed() -> [u64; 2] {
    let mut bytes = [0; 16];
    host::random(&mut bytes);
    let (high, low) = bytes.split_at(8);
    let read = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("eight bytes"));
    // The all-zero state is the generator's only fixed point.
    [read(high) | 1, read(low)]
}
