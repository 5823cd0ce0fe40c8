//! `server.admin_listen`: the console and the API on an address of their own.

use std::net::SocketAddr;

use serde_json::json;

use crate::support::{Request, Setup, TestServer, Workflow, flowcell, poll};

#[test]
fn webhooks_and_health_are_on_one_address_and_the_api_on_the_other() {
    let server = Setup::default()
        .workflows([Workflow::script("any", "return 1")])
        .variable("FLOWCELL_SERVER_ADMIN_LISTEN", "127.0.0.1:0")
        .start();
    let (public, admin) = (server.address(), admin_address(&server));
    let bearer = format!("Bearer {}", server.token());
    let ask = |address: SocketAddr, request: Request| request.send(address).expect("a response").status;
    let hook = || Request::post("/api/webhooks/any").json(&json!({}));
    assert_eq!((ask(public, hook()), ask(admin, hook())), (200, 404));
    for path in ["/api/v1/runs", "/api/v1/session", "/api/v1/people", "/"] {
        let request = || Request::get(path).header("authorization", &bearer);
        assert_eq!((ask(public, request()), ask(admin, request())), (404, 200), "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!((ask(public, Request::get(path)), ask(admin, Request::get(path))), (200, 200), "{path}");
    }
    let url = format!("http://{admin}");
    let data = server.data().display().to_string();
    let link = flowcell(["admin", "setup-link", "--server", &url, "--data", &data]);
    assert!(link.stdout.starts_with(&format!("{url}/setup#")), "{} {}", link.stdout, link.stderr);
}

/// Where the API is, as the server says.
fn admin_address(server: &TestServer) -> SocketAddr {
    poll("the server says where its API is", 20, || {
        let said = server.stdout();
        said.lines()
            .find_map(|line| line.strip_prefix("the console and the API are on http://")?.parse().ok())
    })
}

#[test]
fn a_server_without_people_says_how_the_first_one_comes_and_prints_no_secret_into_a_pipe() {
    let server = TestServer::start([]);
    let said = poll("the server says it", 20, || Some(server.stdout()).filter(|said| said.contains('\n')));
    assert!(said.contains("`flowcell admin setup-link`") && !said.contains("/setup#"), "{said}");
}
