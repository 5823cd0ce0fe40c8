//! An ACME directory (RFC 8555) of one test: it proves domains by TLS-ALPN-01 against the server under test and signs
//! what that asks for. It does not check the signatures of requests.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rcgen::CertificateSigningRequestParams;
use rustls::pki_types::CertificateSigningRequestDer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{poll, tls};

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

#[derive(Default)]
struct State {
    /// Where the server under test listens.
    server: Option<SocketAddr>,
    accounts: u32,
    orders: u32,
    domain: String,
    thumbprint: String,
    proven: bool,
    issued: Option<String>,
}

/// The directory.
pub struct Directory {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Directory {
    pub fn start(authority: tls::Authority) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        // It ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let _ = serve(&stream, address, &shared, &authority);
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/directory", self.address)
    }

    /// Where it finds the domains.
    pub fn proves(&self, server: SocketAddr) {
        self.state.lock().unwrap().server = Some(server);
    }

    /// Accounts and orders so far.
    pub fn counts(&self) -> (u32, u32) {
        let state = self.state.lock().unwrap();
        (state.accounts, state.orders)
    }
}

/// One request a connection.
fn serve(
    stream: &TcpStream,
    address: SocketAddr,
    state: &Mutex<State>,
    authority: &tls::Authority,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header == "\r\n" {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (status, location, body) = answer(&target, &body, &format!("http://{address}"), state, authority)?;
    let kind = if body.starts_with('{') { "application/json" } else { "application/pem-certificate-chain" };
    let head = format!(
        "HTTP/1.1 {status} X\r\nreplay-nonce: n{}\r\nlocation: {location}\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        target.len(),
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}

/// A part of a JWS in its flattened form (RFC 7515 section 7.2.2).
fn part(body: &[u8], name: &str) -> Value {
    let jws: Value = serde_json::from_slice(body).unwrap_or_default();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(jws[name].as_str().unwrap_or_default()).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn answer(
    target: &str,
    body: &[u8],
    base: &str,
    state: &Mutex<State>,
    authority: &tls::Authority,
) -> Option<(u16, String, String)> {
    let url = |path: &str| format!("{base}/{path}");
    let mut status = 200;
    let mut location = String::new();
    let answer = match target {
        "/directory" => json!({
            "newNonce": url("nonce"), "newAccount": url("account"), "newOrder": url("new-order"),
            "revokeCert": url("revoke"), "keyChange": url("key"),
        }),
        "/nonce" => json!({}),
        "/account" => {
            let mut state = state.lock().unwrap();
            state.accounts += 1;
            assert_eq!(part(body, "payload")["termsOfServiceAgreed"], true);
            let key = part(body, "protected")["jwk"].clone();
            // RFC 7638: the members in this order, without spaces.
            let text =
                format!(r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#, key["crv"], key["kty"], key["x"], key["y"]);
            state.thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text));
            (status, location) = (201, url("account/1"));
            json!({ "status": "valid" })
        }
        "/new-order" => {
            let mut state = state.lock().unwrap();
            state.orders += 1;
            let payload = part(body, "payload");
            state.domain = payload["identifiers"][0]["value"].as_str()?.to_owned();
            (state.proven, state.issued) = (false, None);
            (status, location) = (201, url("order"));
            order(&state, base)
        }
        "/order" => order(&state.lock().unwrap(), base),
        "/authorization" => {
            let state = state.lock().unwrap();
            let shown = if state.proven { "valid" } else { "pending" };
            let challenge =
                json!({ "type": "tls-alpn-01", "url": url("challenge"), "token": TOKEN, "status": shown });
            let identifier = json!({ "type": "dns", "value": state.domain });
            json!({ "identifier": identifier, "status": shown, "challenges": [challenge] })
        }
        "/challenge" => {
            let (server, domain, thumbprint) = poll("the server listens", 60, || {
                let state = state.lock().unwrap();
                Some((state.server?, state.domain.clone(), state.thumbprint.clone()))
            });
            state.lock().unwrap().proven = proves(server, &domain, &thumbprint);
            json!({ "type": "tls-alpn-01", "url": url("challenge"), "token": TOKEN, "status": "processing" })
        }
        "/finalize" => {
            let mut state = state.lock().unwrap();
            let request = part(body, "payload")["csr"].as_str()?.to_owned();
            let request = BASE64_URL_SAFE_NO_PAD.decode(request).ok()?;
            let request =
                CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request))
                    .ok()?;
            state.issued = Some(request.signed_by(&authority.issuer).ok()?.pem());
            order(&state, base)
        }
        "/certificate" => {
            let leaf = state.lock().unwrap().issued.clone()?;
            return Some((200, location, format!("{leaf}{}", authority.pem)));
        }
        _ => return Some((404, location, json!({ "type": "about:blank" }).to_string())),
    };
    Some((status, location, answer.to_string()))
}

fn order(state: &State, base: &str) -> Value {
    let status = match (state.proven, &state.issued) {
        (_, Some(_)) => "valid",
        (true, None) => "ready",
        (false, None) => "pending",
    };
    let mut order = json!({
        "status": status, "identifiers": [{ "type": "dns", "value": state.domain }],
        "authorizations": [format!("{base}/authorization")], "finalize": format!("{base}/finalize"),
    });
    if state.issued.is_some() {
        order["certificate"] = format!("{base}/certificate").into();
    }
    order
}

/// RFC 8737 section 3: the certificate that is shown for `acme-tls/1` names the domain and the key authorization.
fn proves(server: SocketAddr, domain: &str, thumbprint: &str) -> bool {
    let Ok(secured) = tls::handshake(server, domain, &["acme-tls/1"]) else { return false };
    let digest = Sha256::digest(format!("{TOKEN}.{thumbprint}"));
    let (_, shown) = x509_parser::parse_x509_certificate(&secured.certificate).unwrap();
    let proof =
        shown.extensions().iter().find(|extension| extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
    // The digest as a DER OCTET STRING.
    let expected = [&[0x04, 0x20], digest.as_slice()].concat();
    secured.protocol.as_deref() == Some(b"acme-tls/1")
        && proof.is_some_and(|proof| proof.critical && proof.value == expected)
        && secured.certificate.windows(domain.len()).any(|bytes| bytes == domain.as_bytes())
}
