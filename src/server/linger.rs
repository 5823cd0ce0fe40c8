//! The end of a connection whose client is still sending: it is heard out for a while, so that it can read the answer.
//!
//! When a request is refused early, its body is still on its way. To close then would make the system answer the rest
//! with a reset, and the client would lose the refusal that it has not read yet (RFC 9112 section 9.6). So the server
//! stops writing first, and throws away what comes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How long a client is heard out at most.
const MAX_TIME: Duration = Duration::from_secs(30);
/// How long it may say nothing.
const SILENCE: Duration = Duration::from_secs(5);
/// The most bytes that are thrown away. Twice the largest body that a webhook may accept.
const MAX_BYTES: usize = 64 << 20;
/// How much is read at once.
const PIECE: usize = 16 << 10;

/// A client that is heard out.
pub(super) struct Linger {
    until: Instant,
    sleep: Pin<Box<Sleep>>,
    left: usize,
}

impl Linger {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { until: now + MAX_TIME, sleep: Box::pin(sleep_until(now + SILENCE)), left: MAX_BYTES }
    }

    /// Throws away what comes, until the client closes or its time is over.
    pub(super) fn poll<S: AsyncRead>(
        &mut self,
        mut stream: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut piece = [0; PIECE];
        loop {
            let mut buffer = ReadBuf::new(&mut piece);
            match stream.as_mut().poll_read(cx, &mut buffer) {
                // What goes wrong now is of no interest: the answer is written.
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {
                    let Some(left) = self.left.checked_sub(buffer.filled().len()) else {
                        return Poll::Ready(Ok(()));
                    };
                    self.left = left;
                    let now = Instant::now();
                    if now >= self.until {
                        return Poll::Ready(Ok(()));
                    }
                    self.sleep.as_mut().reset((now + SILENCE).min(self.until));
                }
                Poll::Pending => {
                    ready!(self.sleep.as_mut().poll(cx));
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}
