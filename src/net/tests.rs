//! The known ways around such a guard (server-side request forgery), one test each, only on loopback.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use http::Method;

use super::{
    NetError, Outbound, OutboundOptions, OutboundRequest, Response, Sensitive,
    dns::{Resolver, Unresolved},
    lookups::{Asker, Lookups},
    testing::{Answer, FakeDns, Server, outbound, reply},
};

async fn get(out: &Outbound, url: &str) -> Result<Response, NetError> {
    out.send(OutboundRequest::new(Method::GET, url)).await
}

/// Why a URL is refused. Panics when it is not refused.
async fn refusal(out: &Outbound, url: &str) -> String {
    match get(out, url).await {
        Err(error @ (NetError::Denied { .. } | NetError::Url { .. })) => error.to_string(),
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test]
async fn s1_every_spelling_of_loopback_is_refused() {
    let server = Server::always(reply(200, &[], "inside")).await;
    let port = server.address.port();
    // Whoever asks for an address here gets that of loopback.
    let dns = FakeDns::default().with("localhost.", &[&["127.0.0.1"]]).with("x.localhost", &[&["127.0.0.1"]]);
    let out = outbound(&[], Some(Arc::new(dns)));
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "127.255.255.254",
        "0x7f000001",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "017700000001",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "x.localhost",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
    ] {
        let message = refusal(&out, &format!("http://{host}:{port}/")).await;
        assert!(message.contains("may not be called"), "{host}: {message}");
    }
    let message = refusal(&out, &format!("http://[::1%25lo]:{port}/")).await;
    assert!(message.contains("cannot be called"), "{message}");
    assert_eq!(server.seen(), Vec::<String>::new());
    let message = refusal(&out, &format!("http://127.1:{port}/a?secret=1")).await;
    assert_eq!(
        message,
        format!(
            "`127.0.0.1:{port}` may not be called: it is loopback (127.0.0.0/8). If you mean this host, the \
             operator must add \"127.0.0.1:{port}\" to `net.allow`"
        )
    );
}

#[tokio::test]
async fn s2_a_literal_address_that_never_meets_the_resolver_is_refused() {
    let dns = Arc::new(FakeDns::default());
    let out = outbound(&[], Some(dns.clone()));
    for url in ["http://127.0.0.1/", "http://10.0.0.1/", "http://[fc00::1]/", "https://192.168.1.1:8443/"] {
        refusal(&out, url).await;
    }
    assert_eq!(dns.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn s3_a_name_that_changes_its_address_gains_nothing() {
    let dns = Arc::new(
        FakeDns::default()
            .with("mixed.example", &[&["127.0.0.1", "8.8.8.8", "::1", "::ffff:10.0.0.1", "2606:4700::1"]])
            .with("rebind.example", &[&["8.8.8.8"], &["127.0.0.1"]])
            .with("inside.example", &[&["10.0.0.1", "::1"]])
            .with("empty.example", &[&[]]),
    );
    let lookups = Lookups::new(dns.clone());
    let resolve = |name: &str| Resolver::addresses(lookups.clone(), true, name.to_owned(), Asker::current());
    let mixed: Vec<_> = resolve("mixed.example").await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(mixed, ["8.8.8.8", "2606:4700::1"]);
    assert!(resolve("rebind.example").await.is_ok());
    assert!(matches!(resolve("rebind.example").await, Err(Unresolved::Denied(_))));
    assert!(matches!(resolve("empty.example").await, Err(Unresolved::Failed(_))));

    let server = Server::always(reply(200, &[], "inside")).await;
    let port = server.address.port();
    let out = outbound(&[], Some(dns.clone()));
    for name in ["rebind.example", "inside.example", "INSIDE.example"] {
        let message = refusal(&out, &format!("http://{name}:{port}/")).await;
        assert!(message.contains("its name leads to an address that is"), "{message}");
    }
    assert!(matches!(get(&out, "http://none.example/").await, Err(NetError::Dns { .. })));
    assert_eq!(server.seen(), Vec::<String>::new());

    // One look-up for each connection: there is no second one that could give another answer.
    let dns = Arc::new(FakeDns::default().with("once.example", &[&["127.0.0.1"], &["10.0.0.1"]]));
    let out = outbound(&[&format!("once.example:{port}")], Some(dns.clone()));
    assert_eq!(get(&out, &format!("http://once.example:{port}/")).await.unwrap().body, b"inside");
    assert_eq!(dns.asked(), ["once.example"]);
}

#[tokio::test]
async fn s4_each_redirect_is_looked_at_and_rights_stay_behind() {
    let inside = Server::always(reply(200, &[], "inside")).await;
    let (target, other_port) = (inside.url("/private"), inside.address.port());
    let server = Server::start(move |request| {
        let path = request.split(' ').nth(1).unwrap();
        Answer::Once(match path {
            "/private" => reply(302, &[("location", &target)], ""),
            "/metadata" => reply(307, &[("location", "http://169.254.169.254/latest/")], ""),
            "/file" => reply(302, &[("location", "file:///etc/passwd")], ""),
            "/loop" => reply(302, &[("location", "/loop")], ""),
            "/two" => reply(302, &[("location", "/one")], ""),
            "/one" => reply(302, &[("location", "/end?q=1#f")], ""),
            "/other" => reply(303, &[("location", &format!("http://127.0.0.1:{other_port}/end"))], ""),
            _ => reply(200, &[], "end"),
        })
    })
    .await;
    let out = server.outbound();
    for (path, part) in [
        ("/private", "a redirect leads there, and it is loopback"),
        ("/metadata", "a redirect leads there, and it is link-local or cloud metadata"),
        ("/file", "only http and https"),
    ] {
        let message = refusal(&out, &server.url(path)).await;
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(inside.seen(), Vec::<String>::new());

    let url = server.url("");
    assert_eq!(
        get(&out, &server.url("/loop")).await.unwrap_err(),
        NetError::TooManyRedirects { url: url.clone(), most: 5 }
    );
    assert_eq!(server.seen().iter().filter(|request| request.contains("/loop")).count(), 6);
    let some =
        |redirects| OutboundRequest { redirects, ..OutboundRequest::new(Method::GET, server.url("/two")) };
    let response = out.send(some(2)).await.unwrap();
    assert_eq!((response.body.as_slice(), response.url), (&b"end"[..], server.url("/end")));
    assert!(matches!(out.send(some(1)).await, Err(NetError::TooManyRedirects { most: 1, .. })));
    assert_eq!(out.send(some(0)).await.unwrap().status, 302);

    let both = outbound(&[&server.address.to_string(), &inside.address.to_string()], None);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let request = OutboundRequest {
        headers: vec![pair("Authorization", "Bearer t"), pair("X-Key", "k"), pair("Accept", "o/o")],
        sensitive: Sensitive::default(),
        body: b"secret".to_vec(),
        ..OutboundRequest::new(Method::POST, server.url("/other"))
    };
    assert_eq!(both.send(request).await.unwrap().body, b"inside");
    let [first, second] = [server.seen().pop().unwrap(), inside.seen().pop().unwrap()];
    assert!(first.starts_with("POST") && first.contains("Bearer t") && first.ends_with("secret"), "{first}");
    assert!(second.starts_with("GET /end") && second.contains("accept: o/o"), "{second}");
    for gone in ["Bearer", "x-key", "secret"] {
        assert!(!second.contains(gone), "{second}");
    }
}

/// The environment of a process is set before it starts, so this test runs itself again.
#[tokio::test]
async fn s5_a_proxy_of_the_environment_is_not_used() {
    const INNER: &str = "FLOWCELL_TEST_INNER_S5";
    if std::env::var_os(INNER).is_some() {
        let server = Server::always(reply(200, &[], "direct")).await;
        assert_eq!(get(&server.outbound(), &server.url("/")).await.unwrap().body, b"direct");
        let dns = FakeDns::default().with("inside.example", &[&["10.0.0.1"]]);
        refusal(&outbound(&[], Some(Arc::new(dns))), "http://inside.example/").await;
        return;
    }
    let proxy = Server::always(reply(200, &[], "proxied")).await;
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "net::tests::s5_a_proxy_of_the_environment_is_not_used"]).env(INNER, "1");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, proxy.url(""));
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn s6_cloud_metadata_is_refused_by_address_and_by_name() {
    // Even a resolver that lies about the name changes nothing.
    let dns = FakeDns::default().with("metadata.google.internal", &[&["8.8.8.8"]]);
    let out = outbound(&[], Some(Arc::new(dns)));
    for host in [
        "169.254.169.254",
        "169.254.170.2",
        "0xa9fea9fe",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "metadata.google.internal",
        "Metadata.Google.Internal.",
        "metadata.goog",
        "metadata",
        "instance-data",
        "metadata.tencentyun.com",
    ] {
        refusal(&out, &format!("http://{host}/latest/meta-data/")).await;
    }
}

#[tokio::test]
async fn s7_allowing_one_port_opens_no_other() {
    let (open, closed) =
        (Server::always(reply(200, &[], "a")).await, Server::always(reply(200, &[], "b")).await);
    let dns = FakeDns::default().with("inside.example", &[&["127.0.0.1"]]);
    let by_name = format!("inside.example:{}", open.address.port());
    let out = outbound(&[&open.address.to_string(), &by_name], Some(Arc::new(dns)));
    for host in ["127.0.0.1", "inside.example", "inside.EXAMPLE"] {
        let open = format!("http://{host}:{}/", open.address.port());
        assert_eq!(get(&out, &open).await.unwrap().body, b"a", "{open}");
        let message = refusal(&out, &format!("http://{host}:{}/", closed.address.port())).await;
        assert!(message.contains(&format!(":{}\" to `net.allow`", closed.address.port())), "{message}");
    }
    // Another name of the same address, and another address of the same machine, are not the allowed host.
    refusal(&out, &format!("http://localhost:{}/", open.address.port())).await;
    refusal(&out, &format!("http://127.0.0.2:{}/", open.address.port())).await;
    assert_eq!(closed.seen(), Vec::<String>::new());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn s8_no_response_is_larger_or_slower_than_asked_for() {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let bomb = gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 1 << 17, "the bomb is small on the way");
    let many: String = (0..1_000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(100_000));
    let server = Server::start(move |request| {
        let ms = Duration::from_millis;
        match request.split(' ').nth(1).unwrap() {
            "/gzip" => Answer::Once(reply(200, &[("content-encoding", "gzip")], gzip(b"small"))),
            "/bomb" => Answer::Once(reply(200, &[("content-encoding", "gzip")], &bomb)),
            "/endless" => Answer::Forever(head.into(), vec![b'a'; 1 << 16], ms(0)),
            "/drip" => Answer::Forever(head.into(), b"a".to_vec(), ms(20)),
            "/still" => Answer::Forever(head.into(), b"a".to_vec(), ms(60_000)),
            "/head" => Answer::Forever(b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".to_vec(), ms(50)),
            "/silent" => Answer::Forever(Vec::new(), Vec::new(), ms(60_000)),
            "/many" => Answer::Once(format!("HTTP/1.1 200 OK\r\n{many}\r\n").into_bytes()),
            "/long" => Answer::Once(long.clone().into_bytes()),
            "/cut" => Answer::Once(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_vec()),
            "/nonsense" => Answer::Once(b"SSH-2.0-x\r\n".to_vec()),
            "/broken" => Answer::Once(reply(200, &[("content-encoding", "gzip")], "no gzip")),
            "/whole" => Answer::Once(reply(200, &[], vec![b'a'; 1 << 20])),
            _ => Answer::Once(reply(200, &[], vec![b'a'; (1 << 20) + 1])),
        }
    })
    .await;
    let allow = vec![server.address.to_string().parse().unwrap()];
    let idle = Duration::from_millis(300);
    let out = Outbound::new(OutboundOptions { allow, idle, ..OutboundOptions::default() }).unwrap();
    let (url, began) = (server.url(""), Instant::now());
    let timeout = Duration::from_millis(700);
    let send = |path: &str| {
        out.send(OutboundRequest { timeout, ..OutboundRequest::new(Method::GET, server.url(path)) })
    };
    assert_eq!(send("/gzip").await.unwrap().body, b"small");
    assert_eq!(send("/whole").await.unwrap().body.len(), 1 << 20);
    for path in ["/bomb", "/endless", "/one-more"] {
        let error = send(path).await.unwrap_err();
        assert_eq!(error, NetError::TooLarge { url: url.clone(), what: "body", most: 1 << 20 }, "{path}");
    }
    for path in ["/many", "/long"] {
        let error = send(path).await.unwrap_err();
        assert!(matches!(error, NetError::TooLarge { what: "header", .. }), "{path}: {error:?}");
    }
    for (path, after) in [("/drip", timeout), ("/head", timeout), ("/silent", timeout), ("/still", idle)] {
        assert_eq!(send(path).await.unwrap_err(), NetError::Timeout { url: url.clone(), after }, "{path}");
    }
    for path in ["/cut", "/nonsense", "/broken"] {
        let error = send(path).await.unwrap_err();
        assert!(matches!(error, NetError::Protocol { .. }), "{path}: {error:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test]
async fn s9_nothing_that_is_filled_in_makes_another_request_of_it() {
    let server = Server::always(reply(200, &[], "ok")).await;
    let (out, port) = (server.outbound(), server.address.port());
    for (url, part) in [
        (server.url("/a\r\nX-Evil: 1"), "control characters"),
        (server.url("/a\tb"), "control characters"),
        (format!("http://127.0.0\n.1:{port}/"), "control characters"),
        (format!("http://user:hunter2@127.0.0.1:{port}/"), "a user or a password"),
        (format!("http://good.example@127.0.0.1:{port}/"), "a user or a password"),
        // A backslash ends the host, as for a browser: this goes to 10.0.0.1.
        ("http://10.0.0.1\\@good.example/".to_owned(), "private network"),
        ("file:///etc/passwd".to_owned(), "only http and https"),
        ("gopher://127.0.0.1:70/".to_owned(), "only http and https"),
        ("ftp://127.0.0.1/".to_owned(), "only http and https"),
        ("http://".to_owned(), "empty host"),
        ("/relative".to_owned(), "relative URL"),
        ("http://good.example:99999/".to_owned(), "port"),
        (format!("http://good.example/{}", "a".repeat(9_000)), "longer than"),
    ] {
        let message = refusal(&out, &url).await;
        assert!(message.contains(part) && !message.contains("hunter2"), "{url}: {message}");
    }
    for (name, value) in [
        ("x-a", "1\r\nx-evil: 2"),
        ("x-a", "1\nb"),
        ("x-a", "\0"),
        ("x a", "1"),
        ("x-a:", "1"),
        ("", "1"),
        ("Host", "evil.example"),
        ("content-length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
    ] {
        let request = OutboundRequest {
            headers: vec![(name.to_owned(), value.to_owned())],
            ..OutboundRequest::new(Method::GET, server.url("/"))
        };
        assert!(matches!(out.send(request).await, Err(NetError::Header { .. })), "{name}: {value}");
    }
    let many = (0..101).map(|number| (format!("x-{number}"), String::new())).collect();
    let request = OutboundRequest { headers: many, ..OutboundRequest::new(Method::GET, server.url("/")) };
    assert!(matches!(out.send(request).await, Err(NetError::Header { .. })));
    for method in [Method::CONNECT, Method::TRACE] {
        let request = OutboundRequest::new(method, server.url("/"));
        assert!(matches!(out.send(request).await, Err(NetError::Method(_))));
    }
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn who_does_not_answer_or_cannot_be_trusted_is_told_apart() {
    let server = Server::always(reply(200, &[], "ok")).await;
    let out = server.outbound();
    let address = server.address;
    let error = get(&out, &format!("https://{address}/a?token=t")).await.unwrap_err();
    assert!(matches!(error, NetError::Tls { .. }) && !error.retry_helps(), "{error:?}");
    drop(server);
    tokio::task::yield_now().await;
    let error = get(&out, &format!("http://{address}/secret?token=t")).await.unwrap_err();
    assert!(matches!(error, NetError::Connect { .. }) && error.retry_helps(), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("refused") && !message.contains("secret") && !message.contains("token"),
        "{message}"
    );
}
