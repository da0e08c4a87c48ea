//! `BASE/MASK`: how a packet mark is written.

use d365_common::mark::{GEO_BITS, Mark};

use super::number;

/// The text is not a mark for packets. The variant is the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum MarkError {
    #[error("write it as BASE/MASK, such as 0xd3650000/0xffff0000")]
    Form,
    #[error("the {part} `{}` is no 32-bit number, decimal or with 0x", .text.escape_debug())]
    Number { part: &'static str, text: String },
    #[error("the base is 0, which is the mark of every packet that nobody marks")]
    Zero,
    #[error("the base has bits outside the mask: {0:#x}")]
    Outside(u32),
    #[error("the mask must leave the lowest eight bits (0xff) free: the geo's number stands there")]
    Geo,
}

/// Reads `BASE/MASK`, each decimal or with `0x` in hexadecimal.
///
/// # Errors
/// [`MarkError`], the first rule that is broken.
pub fn read(text: &str) -> Result<Mark, MarkError> {
    let (base, mask) = text.split_once('/').ok_or(MarkError::Form)?;
    if mask.contains('/') {
        return Err(MarkError::Form);
    }
    let part = |part, text: &str| number(text).map_err(|_| MarkError::Number { part, text: text.to_owned() });
    let (base, mask) = (part("base", base)?, part("mask", mask)?);
    if mask & GEO_BITS != 0 {
        return Err(MarkError::Geo);
    }
    Mark::new(base, mask).ok_or(if base == 0 { MarkError::Zero } else { MarkError::Outside(base & !mask) })
}

/// `BASE/MASK`, as [`read`] reads it.
#[must_use]
pub fn text(mark: Mark) -> String {
    format!("{:#010x}/{:#010x}", mark.base(), mark.mask())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mark_has_two_numbers() {
        assert_eq!(read("0xd3650000/0xffff0000"), Ok(Mark::DEFAULT));
        assert_eq!(read("3546611712/4294901760"), Ok(Mark::DEFAULT), "decimal");
        assert_eq!(text(Mark::DEFAULT), "0xd3650000/0xffff0000");
        assert_eq!(read("0x100/0x300"), Ok(Mark::new(0x100, 0x300).unwrap()));
        for broken in ["", "0xd3650000", "0xd3650000/0xffff0000/1"] {
            assert_eq!(read(broken), Err(MarkError::Form), "{broken}");
        }
        for (broken, part) in [("/0x100", "base"), ("0x100/", "mask"), ("0x1ffffffff/0x100", "base")] {
            assert!(matches!(read(broken), Err(MarkError::Number { part: told, .. }) if told == part));
        }
    }

    #[test]
    fn the_rule_that_is_broken_is_said() {
        for (broken, rule) in [
            ("0/0xffff0000", MarkError::Zero),
            ("0/0", MarkError::Zero),
            ("0xd3658000/0xffff0000", MarkError::Outside(0x8000)),
            ("0xd3650000/0xffffffff", MarkError::Geo),
            ("0xd3650001/0xffff0001", MarkError::Geo),
        ] {
            assert_eq!(read(broken), Err(rule), "{broken}");
        }
    }

    /// Every mark that packets can be given.
    fn any_mark() -> impl Strategy<Value = Mark> {
        let mark = |(base, mask): (u32, u32)| Mark::new(base & mask & !GEO_BITS, mask & !GEO_BITS);
        any::<(u32, u32)>().prop_filter_map("the base is zero", mark)
    }

    proptest! {
        /// The kernel program takes every mark that can be typed, and no other.
        #[test]
        fn marks_are_read_as_they_are_written(base: u32, mask: u32, fit: bool) {
            let (base, mask) = if fit { (base & mask & !GEO_BITS, mask & !GEO_BITS) } else { (base, mask) };
            let mark = Mark::new(base, mask);
            prop_assert_eq!(read(&format!("{base}/{mask:#x}")).ok(), mark);
            if let Some(mark) = mark {
                prop_assert_eq!(read(&text(mark)), Ok(mark));
            }
        }

        /// Setting a mark keeps the bits outside, clearing restores them, and the geo's number can be read.
        #[test]
        fn a_mark_changes_its_own_bits_alone(mark in any_mark(), old: u32, geo: u8, other: u8) {
            let own = mark.mask() | GEO_BITS;
            let new = mark.on(old, geo);
            prop_assert_eq!((new & !own, new & mark.mask(), new & GEO_BITS), (old & !own, mark.base(), geo.into()));
            prop_assert_eq!(mark.geo(new), Some(geo));
            prop_assert_eq!(mark.on(new, other), mark.on(old, other));
            prop_assert_eq!(mark.without(new), old & !own, "given, and taken away");
            // Somebody else's mark is as it was; one that looks like ours says nothing any more.
            let left = mark.without(old);
            prop_assert_eq!(left, if old & mark.mask() == mark.base() { old & !own } else { old });
            prop_assert_eq!((mark.geo(left), mark.without(left)), (None, left));
        }

        #[test]
        fn no_text_upsets_it(text: String) {
            let _ = read(&text);
        }
    }
}
