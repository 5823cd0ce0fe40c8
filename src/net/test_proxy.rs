//! The operator's proxy: the guard holds before it, and only what it should goes through it.

use std::sync::Arc;

use http::Method;

use super::{
    NetError, Outbound, OutboundOptions, OutboundRequest, ProxyOptions, Response,
    testing::{FakeDns, Server, reply},
};

/// A way out through this server, and where names lead.
fn through(proxy: &Server, dns: &Arc<FakeDns>, resolves: bool, allow: &[&str]) -> Outbound {
    let options = ProxyOptions {
        url: proxy.url("").replace("http://", "http://user:hunter2@").parse().unwrap(),
        except: vec!["direct.example".to_owned()],
        resolves,
    };
    Outbound::new(OutboundOptions {
        allow: allow.iter().map(|entry| entry.parse().unwrap()).collect(),
        dns: Some(Arc::clone(dns) as _),
        proxy: Some(options),
        ..OutboundOptions::default()
    })
    .unwrap()
}

fn names() -> Arc<FakeDns> {
    Arc::new(
        FakeDns::default()
            .with("public.example", &[&["93.184.216.34"]])
            .with("inner.example", &[&["10.0.0.1"]])
            .with("both.example", &[&["93.184.216.34", "10.0.0.1"]])
            .with("direct.example", &[&["10.0.0.1"]]),
    )
}

async fn get(out: &Outbound, url: &str) -> Result<Response, NetError> {
    out.send(OutboundRequest::new(Method::GET, url)).await
}

#[tokio::test]
async fn requests_go_through_the_proxy_and_the_guard_holds_before_it() {
    let proxy = Server::always(reply(200, &[], "of the proxy")).await;
    let dns = names();
    let out = through(&proxy, &dns, false, &[]);
    assert_eq!(get(&out, "http://public.example/a?b=1").await.unwrap().body, b"of the proxy");
    let seen = proxy.seen();
    assert!(seen[0].starts_with("GET http://public.example/a?b=1 HTTP/1.1\r\n"), "{seen:?}");
    assert!(seen[0].contains("proxy-authorization: Basic dXNlcjpodW50ZXIy"), "{seen:?}");
    for url in [
        "http://127.0.0.1/",
        "http://10.0.0.1/",
        "https://169.254.169.254/latest",
        "http://[::1]/",
        "http://localhost/",
        "http://metadata.google.internal/",
        "http://inner.example/",
        "https://inner.example/",
        "http://both.example/",
    ] {
        let error = get(&out, url).await.unwrap_err();
        assert!(matches!(error, NetError::Denied { .. }), "{url}: {error:?}");
    }
    // An exception is called directly, with the guard of direct calls.
    assert!(matches!(get(&out, "http://direct.example/").await, Err(NetError::Denied { .. })));
    assert!(matches!(get(&out, "http://unknown.example/").await, Err(NetError::Dns { .. })));
    assert_eq!(proxy.seen().len(), 1);
    // Over https, the proxy sees only where it leads.
    let error = get(&out, "https://public.example/secret").await.unwrap_err();
    let seen = proxy.seen();
    assert!(seen[1].starts_with("CONNECT public.example:443 HTTP/1.1\r\n"), "{seen:?}");
    assert!(!seen[1].contains("secret") && !error.to_string().contains("hunter2"), "{seen:?} {error}");
}

#[tokio::test]
async fn a_proxy_that_resolves_is_asked_for_names_that_are_not_looked_up_here() {
    let proxy = Server::always(reply(200, &[], "of the proxy")).await;
    let dns = names();
    let out = through(&proxy, &dns, true, &[]);
    for name in ["unknown.example", "inner.example"] {
        assert_eq!(get(&out, &format!("http://{name}/")).await.unwrap().status, 200, "{name}");
    }
    for url in ["http://10.0.0.1/", "http://localhost/", "http://metadata/"] {
        assert!(matches!(get(&out, url).await, Err(NetError::Denied { .. })), "{url}");
    }
    assert!(dns.asked().is_empty(), "{:?}", dns.asked());
}

#[tokio::test]
async fn what_the_operator_allowed_goes_through_the_proxy_unless_it_is_this_machine() {
    let (proxy, here) = (
        Server::always(reply(200, &[], "of the proxy")).await,
        Server::always(reply(200, &[], "of this machine")).await,
    );
    let own = here.address.to_string();
    let out = through(&proxy, &names(), false, &[&own, "inner.example:80"]);
    assert_eq!(get(&out, &here.url("/")).await.unwrap().body, b"of this machine");
    assert_eq!(get(&out, "http://inner.example/").await.unwrap().body, b"of the proxy");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let proxy = Server::always(reply(200, &[], "")).await;
    let dns = names();
    let out = through(&proxy, &dns, false, &[]);
    drop(proxy);
    tokio::task::yield_now().await;
    let error = get(&out, "http://public.example/secret?token=t").await.unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, NetError::Connect { .. }) && message.contains("`net.proxy`"), "{message}");
    assert!(!message.contains("secret") && !message.contains("hunter2"), "{message}");
}
