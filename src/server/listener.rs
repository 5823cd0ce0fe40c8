//! Where the server listens: on a TCP address, or on a Unix socket for a proxy on the same machine.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::{
        fs::{FileTypeExt, OpenOptionsExt, PermissionsExt},
        net::{SocketAddr as UnixAddress, UnixStream as Probe},
    },
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// The address of whoever comes through a Unix socket: this machine.
const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A place where connections come in.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// With its file, which is removed at the end.
    Unix(UnixListener, PathBuf),
}

/// A connection that came in.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The path of a Unix socket on which a server will listen when it can answer. Nobody can connect until then.
///
/// A lock on a file beside it keeps a second server away, because a socket that is bound already cannot be told from
/// one that a server left behind.
pub(crate) struct Claim {
    path: PathBuf,
    lock_path: PathBuf,
    /// Holds the lock until it is closed.
    _lock: File,
}

impl Claim {
    /// Takes the path. A socket that a server left behind, to which nobody listens any more, is removed.
    ///
    /// # Errors
    /// When another server listens or starts there, another file is in the way, or no socket can be made there.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        // Says now what is wrong with the path, not after the start.
        UnixAddress::from_pathname(path)?;
        let mut lock_path = OsString::from(path);
        lock_path.push(".lock");
        let lock_path = PathBuf::from(lock_path);
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let claim = Self { path: path.to_owned(), lock_path, _lock: lock };
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "a file that is no socket is there",
                ));
            }
            if Probe::connect(path).is_ok() {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            fs::remove_file(path)?;
        }
        Ok(claim)
    }

    /// Listens. From now on connections are accepted. The folder alone decides who gets to the socket: a proxy runs as
    /// another user, and a port on loopback is open to every user too.
    ///
    /// # Errors
    /// When a file came there meanwhile, or the folder is gone.
    pub(crate) fn listen(self) -> io::Result<Listener> {
        let listener = Listener::Unix(UnixListener::bind(&self.path)?, self.path.clone());
        fs::set_permissions(&self.path, Permissions::from_mode(0o666))?;
        Ok(listener)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While the lock is held, so that nobody else's file goes.
        let _ = fs::remove_file(&self.lock_path);
    }
}

impl Listener {
    /// The next connection, and who is at its other end.
    pub(super) async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are small, so they should leave at once.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), peer))
            }
            Self::Unix(listener, _) => Ok((Stream::Unix(listener.accept().await?.0), LOCAL)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = fs::remove_file(path);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_was_left_behind_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let first = Claim::of(&path).unwrap();
        let taken = |path: &Path| Claim::of(path).map(drop).unwrap_err().kind();
        assert_eq!(taken(&path), io::ErrorKind::AddrInUse, "a server starts there");
        assert!(Probe::connect(&path).is_err(), "nobody can connect before it listens");
        let first = first.listen().unwrap();
        assert_eq!(taken(&path), io::ErrorKind::AddrInUse, "a server listens there");
        drop(first);
        let files = || fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files(), 0);
        // A server that was killed leaves its files.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        fs::write(folder.path().join("s.lock"), "").unwrap();
        drop(Claim::of(&path).unwrap().listen().unwrap());
        assert_eq!(files(), 0);
        fs::write(&path, "mine").unwrap();
        assert_eq!(taken(&path), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(files(), 1);
        let long = folder.path().join("x".repeat(120));
        assert_eq!(taken(&long), io::ErrorKind::InvalidInput);
        assert_eq!(taken(&folder.path().join("missing/s")), io::ErrorKind::NotFound);
    }
}
