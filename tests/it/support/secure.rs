//! A service over https that tells in its answers who called, and may want to know it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

use super::tls::Authority;

/// The service. Its threads end with the test.
pub struct SecureReceiver {
    address: SocketAddr,
}

impl SecureReceiver {
    /// Shows a certificate of `authority` for 127.0.0.1. With `clients`, it asks for a certificate of that authority, and answers
    /// also those who have none. A request of `/to` is sent on to `moves_to`.
    pub fn start(authority: &Authority, clients: Option<&Authority>, moves_to: &str) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(clients.pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                    .allow_unauthenticated()
                    .build();
                builder.with_client_cert_verifier(verifier.unwrap())
            }
        };
        let (certificate, key) = authority.sign("127.0.0.1");
        let config = builder.with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        );
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let moves_to = moves_to.to_owned();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, moves_to) = (Arc::clone(&config), moves_to.clone());
                thread::spawn(move || serve(stream, config, &moves_to));
            }
        });
        Self { address }
    }

    /// `127.0.0.1:PORT`, as `net.allow` takes it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }
}

/// Answers one request with whether its client showed a certificate.
fn serve(socket: TcpStream, config: Arc<ServerConfig>, moves_to: &str) {
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut reader = BufReader::new(StreamOwned::new(connection, socket));
    let (mut first, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(read) if read > 0 => {}
            Ok(_) | Err(_) => return,
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if first.is_empty() {
            first = line;
        } else if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let stream = reader.get_mut();
    let (status, more) = if first.contains(" /to ") {
        ("302 Found", format!("location: {moves_to}\r\n"))
    } else {
        ("200 OK", String::new())
    };
    let body = format!("{{\"known\":{}}}", stream.conn.peer_certificates().is_some());
    let head = format!(
        "HTTP/1.1 {status}\r\n{more}content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all((head + &body).as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}
