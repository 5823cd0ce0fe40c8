//! What a service manager does with the server: reload it, ask whether it is ready, stop it.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{TestServer, Workflow, wait_until};

fn hang_up(server: &TestServer) {
    kill_process(Pid::from_raw(server.pid()).unwrap(), Signal::HUP).unwrap();
}

#[test]
fn sighup_reloads_and_never_kills() {
    let mut server = TestServer::start([Workflow::script("first", "return 1")]);
    for _ in 0..20 {
        hang_up(&server);
    }
    Workflow::script("second", "return 2").write(&server.workflows());
    hang_up(&server);
    wait_until("the new workflow answers", 20, || server.hook("second").status == 200);
    assert!(server.is_alive());
    server.wait_for_log("SIGHUP: looking at workflows");
    assert!(server.stop().success(), "it still stops as it should");
}
