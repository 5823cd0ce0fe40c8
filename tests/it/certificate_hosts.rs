//! Amazon SNS and PayPal name the certificate that checks a delivery. It is fetched from their own hosts over https, so the hosts of
//! these tests stand behind a proxy of their own, with an authority that the server is told to trust.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection, SignatureScheme, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};

use crate::support::{Request, Setup, TestServer, Workflow, tls::Authority};

const PLAIN: &str = "text/plain; charset=UTF-8";

/// What a host does when it is asked for a certificate.
#[derive(Clone)]
enum Host {
    Gives(String),
    /// Gives it with another status.
    Says(u16, String),
    /// Sends the request on.
    Moves(String),
    /// Takes the connection, and says nothing.
    Silent,
    /// Says that a long answer comes, and no more.
    Stalls,
    /// Shows a certificate of an authority that nobody trusts.
    Untrusted(String),
}

/// A proxy that answers in the name of every host. Its threads end with the process of the tests.
struct Hosts {
    address: String,
    authority: Arc<Authority>,
    does: Arc<Mutex<HashMap<String, Host>>>,
    /// `host/path` of each request, and `host` of each connection that said nothing.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Hosts {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hosts = Self {
            address: listener.local_addr().unwrap().to_string(),
            authority: Arc::new(Authority::new()),
            does: Arc::default(),
            asked: Arc::default(),
        };
        let (does, asked) = (Arc::clone(&hosts.does), Arc::clone(&hosts.asked));
        let (trusted, other) = (Arc::clone(&hosts.authority), Authority::new());
        thread::spawn(move || {
            thread::scope(|scope| {
                for stream in listener.incoming().map_while(Result::ok) {
                    scope.spawn(|| serve(stream, &does, &asked, &trusted, &other));
                }
            });
        });
        hosts
    }

    fn does(&self, url: &str, host: Host) {
        self.does.lock().unwrap().insert(url.to_owned(), host);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// A server that reaches the outside only through these hosts.
    fn server(&self, workflows: Vec<Workflow>) -> (TestServer, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, &self.authority.pem).unwrap();
        let server = Setup::default()
            .variable("FLOWCELL_NET_PROXY", &format!("http://{}", self.address))
            .variable("FLOWCELL_NET_PROXY_RESOLVES", "true")
            .variable("FLOWCELL_NET_CA_FILE", ca.to_str().unwrap())
            .workflows(workflows)
            .start();
        (server, folder)
    }
}

fn serve(
    stream: TcpStream,
    does: &Mutex<HashMap<String, Host>>,
    asked: &Mutex<Vec<String>>,
    trusted: &Authority,
    other: &Authority,
) {
    let (target, mut stream) = (head(&stream), stream);
    // CONNECT host:443
    let host = target.trim_end_matches(":443").to_owned();
    let of_host = |host: &str| {
        let does = does.lock().unwrap();
        does.iter()
            .find(|(url, _)| url.starts_with(&format!("https://{host}/")))
            .map(|(_, host)| host.clone())
    };
    let _ = stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n");
    let authority = match of_host(&host) {
        Some(Host::Silent) => {
            asked.lock().unwrap().push(host);
            thread::sleep(Duration::from_secs(60));
            return;
        }
        Some(Host::Untrusted(_)) => other,
        _ => trusted,
    };
    let (certificate, key) = authority.sign(&host);
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let mut secure = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
    let path = head(&mut secure);
    if path.is_empty() {
        return;
    }
    asked.lock().unwrap().push(format!("{host}{path}"));
    let does = does.lock().unwrap().get(&format!("https://{host}{path}")).cloned();
    let mut answer = |status: u16, more: &str, body: &str| {
        let head = format!(
            "HTTP/1.1 {status} X\r\n{more}connection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let _ = secure.write_all((head + body).as_bytes());
        secure.conn.send_close_notify();
        let _ = secure.flush();
    };
    match does {
        Some(Host::Gives(body) | Host::Untrusted(body)) => answer(200, "", &body),
        Some(Host::Says(status, body)) => answer(status, "", &body),
        Some(Host::Moves(to)) => answer(302, &format!("location: {to}\r\n"), ""),
        Some(Host::Stalls) => {
            let _ = secure.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 2000\r\n\r\n-----BEGIN");
            let _ = secure.flush();
            thread::sleep(Duration::from_secs(60));
        }
        Some(Host::Silent) | None => answer(404, "", ""),
    }
}

/// Reads a head byte by byte, because what follows belongs to TLS. Gives the target of its first line.
fn head(mut stream: impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8_192 {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Ok(_) | Err(_) => return String::new(),
        }
    }
    let line = BufReader::new(&head[..]).lines().next().unwrap().unwrap();
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// A key for RSA and its certificate.
struct Signer {
    key: KeyPair,
    pem: String,
}

impl Signer {
    fn new(name: &str) -> Self {
        Self::valid(name, 2020, 4000)
    }

    fn valid(name: &str, from: i32, until: i32) -> Self {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.not_before = date_time_ymd(from, 1, 1);
        parameters.not_after = date_time_ymd(until, 1, 1);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { key, pem }
    }

    fn sign(&self, text: &str) -> String {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).unwrap();
        BASE64_STANDARD.encode(signer.sign(text.as_bytes()).unwrap())
    }
}

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:orders";

fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// A notification whose certificate is at a URL.
fn notification(signer: &Signer, id: &str, url: &str) -> Value {
    let mut body = json!({
        "Type": "Notification", "MessageId": id, "TopicArn": TOPIC, "Message": "hello", "Timestamp": now(),
        "SignatureVersion": "2", "SigningCertURL": url,
    });
    let fields = ["Message", "MessageId", "Timestamp", "TopicArn", "Type"];
    let text: String =
        fields.iter().map(|name| format!("{name}\n{}\n", body[*name].as_str().unwrap())).collect();
    body["Signature"] = signer.sign(&text).into();
    body
}

fn sns(body: &Value) -> Request {
    Request::post("/api/webhooks/sns").header("content-type", PLAIN).body(body.to_string())
}

const WEBHOOK: &str = "8PT597110X687430LKGECATA";

fn paypal(signer: &Signer, id: &str, url: &str) -> Request {
    let (body, time) = (json!({ "id": "WH-1", "event_type": "PAYMENT.SALE.COMPLETED" }).to_string(), now());
    let signature = signer.sign(&format!("{id}|{time}|{WEBHOOK}|{}", crc32fast::hash(body.as_bytes())));
    Request::post("/api/webhooks/paypal")
        .header("content-type", "application/json")
        .header("paypal-transmission-id", id)
        .header("paypal-transmission-time", &time)
        .header("paypal-transmission-sig", &signature)
        .header("paypal-auth-algo", "SHA256withRSA")
        .header("paypal-cert-url", url)
        .body(body)
}

fn workflows() -> Vec<Workflow> {
    let verified =
        |key: &str, verify: Value| Workflow::script(key, "return 1").trigger(json!({ "verify": verify }));
    vec![
        verified("sns", json!({ "scheme": "sns", "topic": TOPIC })),
        verified("paypal", json!({ "scheme": "paypal", "webhook_id": WEBHOOK })),
        Workflow::script("healthy", "return 1"),
    ]
}

fn sns_url(region: &str) -> String {
    format!("https://sns.{region}.amazonaws.com/SimpleNotificationService-{region}.pem")
}

fn paypal_url(name: &str) -> String {
    format!("https://api.paypal.com/v1/notifications/certs/CERT-{name}")
}

/// The reason of the newest of so many requests.
fn reason(server: &TestServer, count: usize) -> String {
    server.newest_request(count)["outcome"].to_string()
}

#[test]
fn a_right_delivery_is_accepted_and_its_certificate_is_fetched_once() {
    let hosts = Hosts::start();
    let (amazon, pay) =
        (Signer::new("sns.amazonaws.com"), Signer::new("messageverificationcerts.paypal.com"));
    hosts.does(&sns_url("us-east-1"), Host::Gives(amazon.pem.clone()));
    // PayPal sends the chain, its own certificate first.
    hosts.does(&paypal_url("1"), Host::Gives(format!("{}{}", pay.pem, Signer::new("an authority").pem)));
    let (server, _folder) = hosts.server(workflows());
    assert_eq!(hosts.asked().len(), 0, "nobody has sent yet");
    for id in ["one", "two", "three"] {
        let answer = server.send(&sns(&notification(&amazon, id, &sns_url("us-east-1"))));
        assert_eq!(answer.status, 200, "{id}: {} {:?}", answer.text(), server.requests().first());
        let answer = server.send(&paypal(&pay, id, &paypal_url("1")));
        assert_eq!(answer.status, 200, "{id}: {} {:?}", answer.text(), server.requests().first());
    }
    assert_eq!(hosts.asked().len(), 2, "{:?}", hosts.asked());
    assert_eq!((server.runs("sns").len(), server.runs("paypal").len()), (3, 3));
}

#[test]
fn a_wrong_signature_is_refused_whoever_made_it() {
    let hosts = Hosts::start();
    let (amazon, pay) =
        (Signer::new("sns.amazonaws.com"), Signer::new("messageverificationcerts.paypal.com"));
    hosts.does(&sns_url("us-east-1"), Host::Gives(amazon.pem.clone()));
    hosts.does(&paypal_url("1"), Host::Gives(pay.pem.clone()));
    let (server, _folder) = hosts.server(workflows());
    let stranger = Signer::new("sns.amazonaws.com");
    let mut count = 0;
    let mut refused = |request: &Request, why: &str| {
        count += 1;
        let answer = server.send(request);
        assert_eq!((answer.status, answer.problem().as_str()), (401, "signature_invalid"), "{why}");
        assert!(reason(&server, count).contains(why), "{}", reason(&server, count));
    };
    let good = notification(&amazon, "one", &sns_url("us-east-1"));
    refused(&sns(&notification(&stranger, "one", &sns_url("us-east-1"))), "no signature matches");
    for (field, value) in [
        ("Message", json!("another")),
        ("MessageId", json!("two")),
        ("Subject", json!("added")),
        ("Signature", json!(BASE64_STANDARD.encode([7; 256]))),
        // The other hash over the same text.
        ("SignatureVersion", json!("1")),
    ] {
        let mut changed = good.clone();
        changed[field] = value;
        refused(&sns(&changed), "no signature matches");
    }
    refused(&paypal(&stranger, "one", &paypal_url("1")), "no signature matches");
    // A certificate of the other sender proves nothing here.
    hosts.does(&sns_url("eu-west-1"), Host::Gives(pay.pem.clone()));
    refused(&sns(&notification(&pay, "one", &sns_url("eu-west-1"))), "another name");
    assert_eq!(hosts.asked().len(), 3, "{:?}", hosts.asked());
    assert_eq!(server.runs("sns").len() + server.runs("paypal").len(), 0);
}

#[test]
fn hosts_of_nobody_are_never_asked() {
    let hosts = Hosts::start();
    let amazon = Signer::new("sns.amazonaws.com");
    let (server, _folder) = hosts.server(workflows());
    let pem = "SimpleNotificationService-1.pem";
    for url in [
        format!("http://sns.us-east-1.amazonaws.com/{pem}"),
        format!("https://sns.us-east-1.amazonaws.com:8443/{pem}"),
        format!("https://sns.us-east-1.amazonaws.com@evil.example/{pem}"),
        format!("https://sns.us-east-1.amazonaws.com.evil.example/{pem}"),
        format!("https://sns.us-east-1.s3.amazonaws.com/{pem}"),
        format!("https://sns.evil.example/{pem}"),
        format!("https://127.0.0.1/{pem}"),
        "https://sns.us-east-1.amazonaws.com/../x.pem".to_owned(),
    ] {
        let answer = server.send(&sns(&notification(&amazon, "one", &url)));
        assert_eq!(answer.status, 401, "{url}");
    }
    let pay = Signer::new("messageverificationcerts.paypal.com");
    for url in [
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../x",
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
    ] {
        assert_eq!(server.send(&paypal(&pay, "one", url)).status, 401, "{url}");
    }
    assert!(reason(&server, 12).contains("not a host of this sender"), "{}", reason(&server, 12));
    assert_eq!(hosts.asked(), Vec::<String>::new());
}

#[test]
fn a_host_that_hangs_costs_only_those_who_named_it() {
    let hosts = Hosts::start();
    let amazon = Signer::new("sns.amazonaws.com");
    hosts.does(&sns_url("silent"), Host::Silent);
    hosts.does(&sns_url("stalls"), Host::Stalls);
    hosts.does(&sns_url("us-east-1"), Host::Gives(amazon.pem.clone()));
    let (server, _folder) = hosts.server(workflows());
    thread::scope(|scope| {
        for region in ["silent", "stalls"] {
            for copy in 0..8 {
                let (server, amazon) = (&server, &amazon);
                scope.spawn(move || {
                    let began = Instant::now();
                    let body = notification(amazon, &format!("{region}-{copy}"), &sns_url(region));
                    let answer = server.send(&sns(&body));
                    assert_eq!(
                        (answer.status, answer.problem().as_str()),
                        (503, "keys_unavailable"),
                        "{region}"
                    );
                    assert!(answer.header("retry-after").is_some());
                    assert!(began.elapsed() < Duration::from_secs(20), "{region}: {:?}", began.elapsed());
                });
            }
        }
        // Meanwhile others are served, with a certificate and without.
        for id in 0..10 {
            let began = Instant::now();
            assert_eq!(server.post("healthy", &json!({})).status, 200);
            let body = notification(&amazon, &id.to_string(), &sns_url("us-east-1"));
            assert_eq!(server.send(&sns(&body)).status, 200);
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        }
    });
    let asked = hosts.asked();
    for region in ["silent", "stalls"] {
        let count = asked.iter().filter(|asked| asked.contains(region)).count();
        assert_eq!(count, 1, "one request fetches for all: {asked:?}");
    }
}

#[test]
fn rubbish_and_certificates_of_others_are_told_and_prove_nothing() {
    let hosts = Hosts::start();
    let amazon = Signer::new("sns.amazonaws.com");
    let untrusted = Host::Untrusted(amazon.pem.clone());
    let curve = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, "sns.amazonaws.com");
    let curve = parameters.self_signed(&curve).unwrap().pem();
    let (expired, later) =
        (Signer::valid("sns.amazonaws.com", 2019, 2020), Signer::valid("sns.amazonaws.com", 3000, 3001));
    let elsewhere = Signer::new("sns.amazonaws.com.evil.example");
    let cases: Vec<(&str, Host, &Signer, u16, &str)> = vec![
        (
            "html",
            Host::Gives("<html>not found</html>".to_owned()),
            &amazon,
            503,
            "is not a certificate in PEM",
        ),
        ("nothing", Host::Gives(String::new()), &amazon, 503, "is not a certificate in PEM"),
        ("key", Host::Gives(amazon.key.serialize_pem()), &amazon, 503, "is not a certificate in PEM"),
        (
            "broken",
            Host::Gives("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()),
            &amazon,
            503,
            "is not a certificate in PEM",
        ),
        ("curve", Host::Gives(curve), &amazon, 503, "is not a certificate in PEM"),
        ("huge", Host::Gives("x".repeat(300 << 10)), &amazon, 503, "is over 262144 bytes"),
        ("missing", Host::Says(404, amazon.pem.clone()), &amazon, 503, "has the status 404"),
        ("broken-down", Host::Says(500, String::new()), &amazon, 503, "has the status 500"),
        ("moved", Host::Moves(sns_url("us-east-1")), &amazon, 503, "has the status 302"),
        ("untrusted", untrusted, &amazon, 503, "cannot be trusted"),
        ("expired", Host::Gives(expired.pem.clone()), &expired, 401, "is no longer valid"),
        ("later", Host::Gives(later.pem.clone()), &later, 401, "is not valid yet"),
        ("elsewhere", Host::Gives(elsewhere.pem.clone()), &elsewhere, 401, "is of another name"),
    ];
    hosts.does(&sns_url("us-east-1"), Host::Gives(amazon.pem.clone()));
    let (server, _folder) = hosts.server(workflows());
    for (index, (region, host, signer, status, why)) in cases.iter().enumerate() {
        hosts.does(&sns_url(region), host.clone());
        let answer = server.send(&sns(&notification(signer, region, &sns_url(region))));
        assert_eq!(answer.status, *status, "{region}: {}", answer.text());
        assert!(!answer.text().contains("amazonaws"), "strangers learn nothing of our way out");
        let told = reason(&server, index + 1);
        assert!(told.contains(why), "{region}: {told}");
    }
    assert!(!hosts.asked().iter().any(|asked| asked.contains("us-east-1")), "no redirect is followed");
    assert_eq!(server.runs("sns").len(), 0);
    // A right one is still accepted.
    let answer = server.send(&sns(&notification(&amazon, "good", &sns_url("us-east-1"))));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn a_sender_that_changes_its_certificate_needs_nobody_here() {
    let hosts = Hosts::start();
    let (old, new) = (Signer::new("sns.amazonaws.com"), Signer::new("sns.eu-west-1.amazonaws.com"));
    let at = |name: &str| format!("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{name}.pem");
    hosts.does(&at("old"), Host::Gives(old.pem.clone()));
    hosts.does(&at("new"), Host::Gives(new.pem.clone()));
    let (server, _folder) = hosts.server(workflows());
    // Old and new overlap, as what waited at the sender comes late.
    for (number, (signer, name)) in
        [(&old, "old"), (&new, "new"), (&old, "old"), (&new, "new")].into_iter().enumerate()
    {
        let body = notification(signer, &format!("{number}"), &at(name));
        assert_eq!(server.send(&sns(&body)).status, 200, "{number}");
    }
    let mixed = server.send(&sns(&notification(&old, "mixed", &at("new"))));
    assert_eq!(mixed.status, 401, "the old key is not that of the new certificate");
    assert_eq!(hosts.asked().len(), 2, "{:?}", hosts.asked());

    let (old, new) = (Signer::new("a.paypal.com"), Signer::new("messageverificationcerts.paypal.com"));
    hosts.does(&paypal_url("old"), Host::Gives(old.pem.clone()));
    assert_eq!(server.send(&paypal(&old, "1", &paypal_url("old"))).status, 200);
    // Its certificate is not there yet, so PayPal sends again later.
    assert_eq!(server.send(&paypal(&new, "2", &paypal_url("new"))).status, 503);
    hosts.does(&paypal_url("new"), Host::Gives(new.pem.clone()));
    crate::support::wait_until("the pause after a failure is over", 20, || {
        server.send(&paypal(&new, "2", &paypal_url("new"))).status == 200
    });
}
