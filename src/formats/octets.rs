//! Reads a binary format from the front; what is not there is an error, never a panic and never an allocation.

/// What is left of a body.
pub(super) struct Octets<'a>(pub(super) &'a [u8]);

impl<'a> Octets<'a> {
    /// # Errors
    /// There are fewer.
    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], String> {
        let taken = usize::try_from(count).ok().and_then(|count| self.0.split_at_checked(count));
        let (taken, rest) = taken.ok_or("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    /// # Errors
    /// There are fewer.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(*taken)
    }

    /// # Errors
    /// There is none.
    pub(super) fn byte(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// # Errors
    /// There are fewer, or they are not UTF-8.
    pub(super) fn text(&mut self, count: u64) -> Result<&'a str, String> {
        std::str::from_utf8(self.take(count)?).map_err(|error| format!("a text is not UTF-8: {error}"))
    }

    /// # Errors
    /// Something is left.
    pub(super) fn end(&self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err("there is more behind its end".to_owned()) }
    }
}
