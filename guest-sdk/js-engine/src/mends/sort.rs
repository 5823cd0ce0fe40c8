//! `sort` and `toSorted` of arrays and typed arrays: a stable merge sort that no comparator can break.
//!
//! Boa hands the comparator to `slice::sort_by`, which panics when its answers contradict each other, as those of the
//! common shuffle `() => Math.random() - 0.5` do. Here the answers only steer merges, and an exception ends the sort at once.
//! Registered by `mends::register`.

use boa_engine::{
    Context, JsArgs, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, js_string,
    object::builtins::{JsArray, JsTypedArray},
};

use super::over;

/// Arrays shorter than this are sorted by insertion alone, as V8 does it, so that contradicting answers give the same order too.
const SHORT: usize = 64;

/// Runs shorter than a length are lengthened by insertion before they are merged: half of [`SHORT`] to all of it, so that the runs are about
/// a power of two.
const fn shortest_run(mut length: usize) -> usize {
    let mut rest = 0;
    while length >= SHORT {
        rest |= length & 1;
        length >>= 1;
    }
    length + rest
}

/// The longest array.
const MAX_LENGTH: u64 = u32::MAX as u64;

pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let array = context.intrinsics().constructors().array().prototype();
    over::replace(&array, js_string!("sort"), sort, context)?;
    over::replace(&array, js_string!("toSorted"), to_sorted, context)?;
    let typed = context.intrinsics().constructors().typed_array().prototype();
    over::replace(&typed, js_string!("sort"), sort_typed, context)?;
    over::replace(&typed, js_string!("toSorted"), to_sorted_typed, context)?;
    Ok(())
}

/// `Array.prototype.sort`, ECMA-262 23.1.3.30, but for what has fewer than two elements.
fn sort(this: &JsValue, args: &[JsValue], _: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let compare = comparator(args)?;
    let object = this.to_object(context)?;
    let length = length_of(&object, context)?;
    // As in V8: what has no order is neither read nor written, so a frozen array of one element is no error.
    if length < 2 {
        return Ok(object.into());
    }
    let mut items = Vec::new();
    for index in 0..length {
        if object.has_property(index, context)? {
            items.push(object.get(index, context)?);
        }
    }
    let count = items.len() as u64;
    let order = order(&items, compare.as_ref(), context)?;
    for (index, item) in (0_u64..).zip(order) {
        object.set(index, items[item as usize].clone(), true, context)?;
    }
    // As many holes as there were, at the end.
    for index in count..length {
        object.delete_property_or_throw(index, context)?;
    }
    Ok(object.into())
}

/// `Array.prototype.toSorted`, ECMA-262 23.1.3.34.
fn to_sorted(this: &JsValue, args: &[JsValue], _: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let compare = comparator(args)?;
    let object = this.to_object(context)?;
    let length = length_of(&object, context)?;
    if length > MAX_LENGTH {
        return Err(JsNativeError::range().with_message("Invalid array length").into());
    }
    let items = read(&object, length, context)?;
    let order = order(&items, compare.as_ref(), context)?;
    Ok(JsArray::from_iter(order.into_iter().map(|item| items[item as usize].clone()), context).into())
}

/// `%TypedArray%.prototype.sort`, ECMA-262 23.2.3.29; without a comparator the builtin is safe, and it reports bad receivers.
fn sort_typed(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    let (Some(compare), Some((object, length))) = (comparator(args)?, typed(this, context)) else {
        return original.call(this, args, context);
    };
    let items = read(&object, length, context)?;
    let order = order(&items, Some(&compare), context)?;
    write(&object, &items, order, context)?;
    Ok(object.into())
}

/// `%TypedArray%.prototype.toSorted`, ECMA-262 23.2.3.33: the builtin makes the copy, whose order is then ours.
fn to_sorted_typed(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    let (Some(compare), Some((object, length))) = (comparator(args)?, typed(this, context)) else {
        return original.call(this, args, context);
    };
    let copy = original.call(this, &[], context)?.to_object(context)?;
    let items = read(&object, length, context)?;
    let order = order(&items, Some(&compare), context)?;
    write(&copy, &items, order, context)?;
    Ok(copy.into())
}

fn comparator(args: &[JsValue]) -> JsResult<Option<JsObject>> {
    let value = args.get_or_undefined(0);
    match value.as_callable() {
        Some(function) => Ok(Some(function)),
        None if value.is_undefined() => Ok(None),
        None => Err(JsNativeError::typ()
            .with_message("The comparison function must be either a function or undefined")
            .into()),
    }
}

fn length_of(object: &JsObject, context: &mut Context) -> JsResult<u64> {
    object.get(js_string!("length"), context)?.to_length(context)
}

/// A typed array that has elements, and how many.
fn typed(this: &JsValue, context: &mut Context) -> Option<(JsObject, u64)> {
    let object = this.as_object()?;
    let length = JsTypedArray::from_object(object.clone()).ok()?.length(context).ok()? as u64;
    (length > 0).then_some((object, length))
}

fn read(object: &JsObject, length: u64, context: &mut Context) -> JsResult<Vec<JsValue>> {
    (0..length).map(|index| object.get(index, context)).collect()
}

fn write(object: &JsObject, items: &[JsValue], order: Vec<u32>, context: &mut Context) -> JsResult<()> {
    for (index, item) in (0_u64..).zip(order) {
        object.set(index, items[item as usize].clone(), true, context)?;
    }
    Ok(())
}

/// The indices of `items` in sorted order: `undefined` last, the rest as the comparator says or by UTF-16 text.
fn order(items: &[JsValue], compare: Option<&JsObject>, context: &mut Context) -> JsResult<Vec<u32>> {
    let (undefined, mut order): (Vec<u32>, Vec<u32>) =
        (0..items.len() as u32).partition(|item| items[*item as usize].is_undefined());
    match compare {
        Some(compare) => {
            let this = JsValue::undefined();
            merge_sort(&mut order, |a, b| {
                // In this order and with this question, as V8 asks: comparators that answer with a boolean give the same.
                let pair = [items[b as usize].clone(), items[a as usize].clone()];
                let answer = compare.call(&this, &pair, context)?;
                let number = match answer.as_number() {
                    Some(number) => number,
                    None => answer.to_number(context)?,
                };
                Ok::<bool, JsError>(number < 0.0)
            })?;
        }
        None => {
            // How often an element is asked for its text is up to the implementation: once.
            if order.len() < 2 {
                order.extend(undefined);
                return Ok(order);
            }
            let mut texts = vec![JsString::default(); items.len()];
            for item in &order {
                texts[*item as usize] = items[*item as usize].to_string(context)?;
            }
            order.sort_by(|a, b| texts[*a as usize].as_str().cmp(&texts[*b as usize].as_str()));
        }
    }
    order.extend(undefined);
    Ok(order)
}

/// Sorts stably, where `after(a, b)` says whether `a` belongs after `b`. Contradicting answers give some order, never a panic;
/// after an error `order` is in no order. Asks about n log n times, n times when the input is sorted or reversed.
fn merge_sort<E>(order: &mut [u32], mut after: impl FnMut(u32, u32) -> Result<bool, E>) -> Result<(), E> {
    let mut ends = runs(order, &mut after)?;
    let mut buffer = Vec::with_capacity(order.len());
    while ends.len() > 1 {
        let mut merged = Vec::with_capacity(ends.len().div_ceil(2));
        let mut start = 0;
        for pair in ends.chunks(2) {
            let mut end = pair[0];
            if let [middle, last] = *pair {
                merge(&mut order[start..last], middle - start, &mut buffer, &mut after)?;
                end = last;
            }
            merged.push(end);
            start = end;
        }
        ends = merged;
    }
    Ok(())
}

/// Cuts `order` into sorted runs and returns where each ends.
fn runs<E>(order: &mut [u32], after: &mut impl FnMut(u32, u32) -> Result<bool, E>) -> Result<Vec<usize>, E> {
    let shortest = shortest_run(order.len());
    let mut ends = Vec::new();
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        if end < order.len() {
            let falling = after(order[start], order[end])?;
            end += 1;
            while end < order.len() && after(order[end - 1], order[end])? == falling {
                end += 1;
            }
            if falling {
                order[start..end].reverse();
            }
        }
        while end < order.len().min(start + shortest) {
            let item = order[end];
            let (mut low, mut high) = (start, end);
            while low < high {
                let middle = low.midpoint(high);
                if after(order[middle], item)? {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            order[low..=end].rotate_right(1);
            end += 1;
        }
        ends.push(end);
        start = end;
    }
    Ok(ends)
}

/// Merges the two sorted parts of `part`, of which the second begins at `middle`.
fn merge<E>(
    part: &mut [u32],
    middle: usize,
    buffer: &mut Vec<u32>,
    after: &mut impl FnMut(u32, u32) -> Result<bool, E>,
) -> Result<(), E> {
    if !after(part[middle - 1], part[middle])? {
        return Ok(());
    }
    buffer.clear();
    buffer.extend_from_slice(&part[..middle]);
    let (mut left, mut right, mut out) = (0, middle, 0);
    while left < buffer.len() {
        if right < part.len() && after(buffer[left], part[right])? {
            part[out] = part[right];
            right += 1;
        } else {
            part[out] = buffer[left];
            left += 1;
        }
        out += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::merge_sort;

    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn it_sorts_as_a_stable_sort_does() {
        let mut state = 1;
        for length in 0..200_usize {
            for kinds in [1, 3, 1000] {
                let keys: Vec<u64> = (0..length).map(|_| next(&mut state) % kinds).collect();
                let mut order: Vec<u32> = (0..length as u32).collect();
                let mut expected = order.clone();
                expected.sort_by_key(|item| keys[*item as usize]);
                let sorted =
                    merge_sort(&mut order, |a, b| Ok::<_, Infallible>(keys[a as usize] > keys[b as usize]));
                assert!(sorted.is_ok());
                assert_eq!(order, expected, "{keys:?}");
            }
        }
    }

    #[test]
    fn contradicting_answers_keep_every_element() {
        let mut state = 7;
        for length in 0..200_u32 {
            let mut order: Vec<u32> = (0..length).collect();
            merge_sort(&mut order, |_, _| Ok::<_, Infallible>(next(&mut state).is_multiple_of(2))).unwrap();
            order.sort_unstable();
            assert!(order.into_iter().eq(0..length));
        }
    }

    #[test]
    fn an_error_ends_the_sort_at_once() {
        let mut asked = 0;
        let mut order: Vec<u32> = (0..100).rev().collect();
        let result = merge_sort(&mut order, |_, _| {
            asked += 1;
            if asked == 5 { Err("stop") } else { Ok(asked % 2 == 0) }
        });
        assert_eq!((result, asked), (Err("stop"), 5));
    }

    #[test]
    fn sorted_and_reversed_input_is_asked_about_once_an_element() {
        for reversed in [false, true] {
            let mut order: Vec<u32> = (0..1000).collect();
            if reversed {
                order.reverse();
            }
            let mut asked = 0;
            merge_sort(&mut order, |a, b| {
                asked += 1;
                Ok::<_, Infallible>(a > b)
            })
            .unwrap();
            assert_eq!(asked, 999);
        }
    }
}
