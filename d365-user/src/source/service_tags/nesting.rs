//! The depth of arrays and objects in a text, counted while it is read. The JSON reader skips a value without
//! a limit on its depth.

use std::io::{self, Read};

/// A reader that returns an error in place of the first bracket beyond its limit. It returns all bytes before
/// that bracket first, so that the result does not depend on the sizes of the reads.
pub(super) struct Nesting<R> {
    reader: R,
    limit: usize,
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
    is_at_limit: bool,
    /// True once the error was returned.
    pub(super) is_too_deep: bool,
}

impl<R: Read> Nesting<R> {
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Self {
            reader,
            limit,
            depth: 0,
            is_in_string: false,
            is_escaped: false,
            is_at_limit: false,
            is_too_deep: false,
        }
    }

    /// Returns true if this byte opens a level beyond the limit.
    fn exceeds(&mut self, byte: u8) -> bool {
        if self.is_in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.depth > self.limit
    }
}

impl<R: Read> Read for Nesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_at_limit {
            self.is_too_deep = true;
            return Err(io::ErrorKind::InvalidData.into());
        }
        let count = self.reader.read(buffer)?;
        let Some(end) = buffer[..count].iter().position(|byte| self.exceeds(*byte)) else { return Ok(count) };
        self.is_at_limit = true;
        // A read of zero bytes would be the end of the text.
        if end == 0 { self.read(buffer) } else { Ok(end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the bytes before the error or the end, and whether there was an error.
    fn read(text: &str, limit: usize, at_once: usize) -> (String, bool) {
        let mut nesting = Nesting::new(text.as_bytes(), limit);
        let (mut read, mut buffer) = (Vec::new(), vec![0; at_once]);
        while let Ok(count @ 1..) = nesting.read(&mut buffer) {
            read.extend_from_slice(&buffer[..count]);
        }
        (String::from_utf8(read).unwrap(), nesting.is_too_deep)
    }

    #[test]
    fn brackets_count_outside_of_strings_however_the_bytes_come() {
        for (text, before) in [
            (r#"{"a": [1], "b": [{}]}"#, Some(r#"{"a": [1], "b": ["#)),
            (r#"{"[[{\"[": ["[[\\"]}"#, None),
            (r#"[["\\"[]]]"#, Some(r#"[["\\""#)),
            ("]]][[[", Some("]]][[")),
            ("[][][]", None),
        ] {
            for at_once in [1, 2, 3, 100] {
                let expected = (before.unwrap_or(text).to_owned(), before.is_some());
                assert_eq!(read(text, 2, at_once), expected, "{text} {at_once}");
            }
        }
    }
}
