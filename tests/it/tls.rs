//! TLS: certificates from files that change, and certificates that the server orders by itself.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    time::Duration,
};

use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::support::{
    Request, Setup, TestServer, Workflow,
    acme::Directory,
    poll,
    tls::{Authority, handshake, send},
    wait_until,
};

const DOMAIN: &str = "flows.example";

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

fn shown(address: SocketAddr) -> Vec<u8> {
    handshake(address, DOMAIN, &["h2", "http/1.1"]).unwrap().certificate
}

#[test]
fn a_certificate_from_files_is_used_and_read_again_when_it_changes() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let write = |(certificate, private): &(String, String)| {
        fs::write(&cert, certificate).unwrap();
        fs::write(&key, private).unwrap();
    };
    let (first, second) = (authority.sign(DOMAIN), authority.sign(DOMAIN));
    write(&first);
    let server = Setup::default()
        .workflows([Workflow::script("fine", "return context.ip")])
        .variable("FLOWCELL_TLS_CERT", cert.to_str().unwrap())
        .variable("FLOWCELL_TLS_KEY", key.to_str().unwrap())
        .start();
    let address = server.address();
    let secured = handshake(address, DOMAIN, &["h2", "http/1.1"]).unwrap();
    assert_eq!((secured.protocol.as_deref(), secured.certificate), (Some(b"h2".as_slice()), der(&first.0)));
    let response = send(address, DOMAIN, &Request::get("/api/webhooks/fine")).unwrap();
    assert_eq!((response.status, response.text().as_str()), (200, "\"127.0.0.1\""));

    // Whoever speaks no TLS gets no HTTP.
    let mut plain = TcpStream::connect(address).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut received = Vec::new();
    let _ = plain.read_to_end(&mut received);
    assert!(!received.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&received));
    // Nor does one who asks for a proof while nothing is ordered.
    assert!(handshake(address, DOMAIN, &["acme-tls/1"]).is_err());

    fs::write(&cert, "no certificate").unwrap();
    server.wait_for_log("the certificate before stays");
    assert_eq!(shown(address), der(&first.0), "a broken file changes nothing");
    write(&second);
    wait_until("the new certificate is shown", 20, || shown(address) == der(&second.0));
}

#[test]
fn a_certificate_that_cannot_be_used_ends_the_start_and_is_named() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    let (certificate, _) = authority.sign(DOMAIN);
    let (_, other_key) = authority.sign(DOMAIN);
    let cert = file("cert.pem", &certificate);
    let key = file("key.pem", &other_key);
    let workflows = tempfile::tempdir().unwrap();
    for (cert, key, told) in
        [(&cert, &key, "cannot be used"), (&key, &key, "no certificate"), (&cert, &cert, "no private key")]
    {
        let ended = crate::support::flowcell_with(
            ["serve", "--listen", "127.0.0.1:0", "--workflows", workflows.path().to_str().unwrap()],
            &[("FLOWCELL_TLS_CERT", cert), ("FLOWCELL_TLS_KEY", key)],
        );
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(told) && ended.stderr.contains(".pem"), "{told}: {}", ended.stderr);
        assert!(!ended.stderr.contains("PRIVATE KEY"), "{}", ended.stderr);
    }
}

fn with_acme(directory: &Directory) -> Setup {
    Setup::default()
        .workflows([Workflow::script("fine", "return 'fine'")])
        .variable("FLOWCELL_TLS_ACME_DOMAINS", DOMAIN)
        .variable("FLOWCELL_TLS_ACME_CONTACT", "mailto:ops@flows.example")
        .variable("FLOWCELL_TLS_ACME_DIRECTORY", &directory.url())
        .variable("FLOWCELL_TLS_ACME_TERMS_AGREED", "true")
}

/// Waits until a certificate is shown.
fn issued(server: &TestServer) -> Vec<u8> {
    poll("a certificate is shown", 60, || {
        handshake(server.address(), DOMAIN, &["http/1.1"]).ok().map(|secured| secured.certificate)
    })
}

#[test]
fn a_certificate_is_ordered_proven_kept_and_not_ordered_again() {
    let directory = Directory::start(Authority::new());
    let mut server = with_acme(&directory).start();
    assert!(handshake(server.address(), DOMAIN, &["http/1.1"]).is_err(), "there is none yet");
    directory.proves(server.address());
    let first = issued(&server);
    let (_, parsed) = x509_parser::parse_x509_certificate(&first).unwrap();
    let names = parsed.subject_alternative_name().unwrap().unwrap();
    assert!(format!("{names:?}").contains(DOMAIN), "{names:?}");
    assert_ne!(parsed.issuer(), parsed.subject(), "the directory signed it");
    let response = send(server.address(), DOMAIN, &Request::get("/api/webhooks/fine")).unwrap();
    assert_eq!(response.status, 200);
    server.wait_for_log("a certificate was issued");
    assert_eq!(directory.counts(), (1, 1));
    let kept: Vec<_> =
        fs::read_dir(server.data().join("acme")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 2, "an account and a certificate: {kept:?}");
    for path in kept {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    assert!(handshake(server.address(), DOMAIN, &["acme-tls/1"]).is_err(), "no challenge is open any more");

    assert!(server.stop().success());
    server.restart();
    assert_eq!(issued(&server), first, "the kept one");
    assert_eq!(directory.counts(), (1, 1), "nothing was ordered");
}

#[test]
fn a_directory_that_is_away_is_told_and_the_server_goes_on() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Setup::default()
        .workflows([Workflow::script("fine", "return 'fine'")])
        .variable("FLOWCELL_TLS_ACME_DOMAINS", DOMAIN)
        .variable("FLOWCELL_TLS_ACME_DIRECTORY", &format!("http://{closed}/directory"))
        .variable("FLOWCELL_TLS_ACME_TERMS_AGREED", "true")
        .start();
    server.wait_for_log("no certificate was issued; tried again in 300 s");
    assert!(handshake(server.address(), DOMAIN, &["http/1.1"]).is_err());
}
