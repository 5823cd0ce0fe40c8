//! Settings from files, variables and flags.

use super::*;

fn load(file: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flowcell.toml");
    std::fs::write(&path, file).unwrap();
    let flags = Flags { config: Some(path), ..flags };
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(&flags, variables).map_err(|error| error.to_string())
}

#[test]
fn flags_win_over_variables_over_the_file() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\ndata = \"/file\"\n[sandbox]\nslots = 3";
    let variables =
        [("FLOWCELL_SERVER_LISTEN", "127.0.0.1:2"), ("FLOWCELL_SANDBOX_SLOTS", "4"), ("PATH", "/")];
    let flags = Flags { listen: Some("127.0.0.1:3".to_owned()), ..Flags::default() };
    let config = load(file, &variables, flags).unwrap();
    assert_eq!((config.listen, config.slots), (Listen::Tcp("127.0.0.1:3".parse().unwrap()), 4));
    assert_eq!(config.data, Path::new("/file"));
    assert_eq!(config.cache, Path::new("/file/cache"));
    assert_eq!(
        load(file, &[("FLOWCELL_RETENTION_REQUESTS", "36h")], Flags::default())
            .unwrap()
            .keep_requests
            .to_string(),
        "36h"
    );
    let config =
        load("[retention]\nsucceeded = \"2d\"\nmax_bytes = \"1GiB\"", &[], Flags::default()).unwrap();
    assert_eq!((config.keep_succeeded, config.keep_failed), (Span::from_millis(2 * DAY), KEEP_FAILED));
    assert_eq!(config.history_bytes.as_bytes(), 1 << 30);
    let file = "[net]\nallow = [\"127.0.0.1:9000\"]";
    let allowed = |variables: &[(&str, &str)]| {
        let config = load(file, variables, Flags::default()).unwrap();
        config.outbound.allow.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(allowed(&[]), ["127.0.0.1:9000"]);
    assert_eq!(allowed(&[("FLOWCELL_NET_ALLOW", "a:1, [::1]:2")]), ["a:1", "[::1]:2"]);
    assert_eq!(allowed(&[("FLOWCELL_NET_ALLOW", "")]), Vec::<String>::new());
}

#[test]
fn what_is_unknown_or_wrong_is_named() {
    let cases: [(&str, &[(&str, &str)], &str); 12] = [
        ("[server]\nlissen = 1", &[], "flowcell.toml:2:1: unknown field `lissen`"),
        ("[serfer]", &[], "serfer"),
        ("[sandbox]\nslots = 0", &[], "sandbox.slots"),
        ("[sandbox]\nslots = 5000", &[], "sandbox.slots"),
        ("[sandbox]\nmetering = \"none\"", &[], "unknown variant `none`, expected `fuel` or `time`"),
        ("[server]\nlisten = \"here\"", &[], "server.listen"),
        ("[net]\nallow = [\"internal.example\"]", &[], "net.allow: `internal.example` names no port"),
        ("", &[("FLOWCELL_NET_DENY", "a:1")], "FLOWCELL_NET_DENY"),
        ("", &[("FLOWCELL_SANDBOX_SLOT", "1")], "FLOWCELL_SANDBOX_SLOT"),
        ("", &[("FLOWCELL_NONSENSE", "1")], "FLOWCELL_NONSENSE"),
        ("[retention]\nfailed = \"long\"", &[], "`long` is not a duration"),
        ("", &[("FLOWCELL_ENGINE_MAX_PENDING", "many")], "FLOWCELL_ENGINE_MAX_PENDING: invalid type"),
    ];
    for (file, variables, named) in cases {
        let error = load(file, variables, Flags::default()).map(|_| ()).unwrap_err();
        assert!(error.contains(named), "{named}: {error}");
    }
}

#[test]
fn the_key_of_the_secrets_is_a_setting_that_is_never_shown_and_other_names_are_secrets() {
    let variables = [("FLOWCELL_SECRETS_KEY", "k3y-material"), ("FLOWCELL_SECRETS_Api_Token", "s3cret")];
    let config = load("", &variables, Flags::default()).unwrap();
    assert_eq!(config.secrets_key.as_deref(), Some("k3y-material"));
    assert_eq!(config.secrets["Api_Token"].as_str(), "s3cret");
    let shown = format!("{config:?}");
    assert!(!shown.contains("k3y") && !shown.contains("s3cret"), "{shown}");
    let file = load("[secrets]\nkey_file = \"/run/key\"", &[], Flags::default()).unwrap();
    assert_eq!(file.secrets_key_file.as_deref(), Some(Path::new("/run/key")));
    let error = load("[secrets]\nkey_file = \"/k\"", &variables, Flags::default()).map(|_| ()).unwrap_err();
    assert!(error.contains("secrets.key_file") && !error.contains("k3y"), "{error}");
    let error = load("[secrets]\nAPI = \"v4lue\"", &[], Flags::default()).map(|_| ()).unwrap_err();
    assert!(error.contains("API") && !error.contains("v4lue"), "{error}");
}

#[test]
fn workflows_see_variables_that_are_allowed_and_never_our_own() {
    let config =
        load("[vars]\nA = \"file\"\n[env]\nallow = [\"GIT_*\", \"B\"]", &[], Flags::default()).unwrap();
    let variable = |name| config.variable(name, |name| Some(format!("process {name}")));
    assert_eq!(variable("A").as_deref(), Some("file"));
    assert_eq!(variable("B").as_deref(), Some("process B"));
    assert_eq!(variable("GIT_X").as_deref(), Some("process GIT_X"));
    assert_eq!(variable("HOME"), None);
    let open =
        load("", &[("FLOWCELL_VARS_Name", "v"), ("FLOWCELL_ENV_ALLOW", "*")], Flags::default()).unwrap();
    let variable = |name| open.variable(name, |name| Some(format!("process {name}")));
    assert_eq!(variable("HOME").as_deref(), Some("process HOME"));
    assert_eq!(variable("FLOWCELL_TOKEN"), None);
    assert_eq!(variable("Name").as_deref(), Some("v"));
}

#[test]
fn l9_a_release_has_no_clock_of_tests() {
    let variables = || [("FLOWCELL_TEST_CLOCK_MS".to_owned(), "1000".to_owned())].into_iter();
    let tested = Config::load_as(&Flags::default(), variables(), true).unwrap();
    assert_eq!(tested.test_clock_ms, Some(1_000));
    let error = Config::load_as(&Flags::default(), variables(), false).unwrap_err().to_string();
    assert!(error.contains("FLOWCELL_TEST_CLOCK_MS: there is no such setting"), "{error}");
}

#[test]
fn s12_workflows_see_no_variable_of_the_process_unless_env_allow_has_it() {
    let config = load("[vars]\nA = \"1\"", &[], Flags::default()).unwrap();
    let process = |name: &str| (name == "AWS_SECRET_ACCESS_KEY").then(|| "k3y".to_owned());
    assert_eq!(config.variable("AWS_SECRET_ACCESS_KEY", process), None);
    assert!(config.withholds("AWS_SECRET_ACCESS_KEY", process));
    assert!(!config.withholds("A", |_| Some("2".to_owned())) && !config.withholds("UNSET", process));
}

#[test]
fn s12_credentials_that_workflows_may_see_are_masked_and_others_are_not_looked_at() {
    let file = "[env]\nallow = [\"DB_*\"]\n[vars]\nAPI_TOKEN = \"from-vars\"";
    let config = load(file, &[], Flags::default()).unwrap();
    let process =
        [("DB_PASSWORD", "hunter2-hunter2"), ("OTHER_PASSWORD", "n0t-seen"), ("DB_NAME", "customers")];
    let process = process.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let masked = config.credentials(process);
    let masked: Vec<_> = masked.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(masked, [("DB_PASSWORD", "hunter2-hunter2"), ("API_TOKEN", "from-vars")]);
}

#[test]
fn the_edge_of_the_network_is_set_in_a_file_or_in_variables() {
    let config = load("", &[], Flags::default()).unwrap();
    assert_eq!((config.network.max_connections, config.network.max_connections_per_ip), (8_192, None));
    assert!(config.tls.is_none() && config.network.guards.proxies.trusted.is_empty());
    let variables = [
        ("FLOWCELL_SERVER_MAX_CONNECTIONS", "10"),
        ("FLOWCELL_SERVER_MAX_CONNECTIONS_PER_IP", "2"),
        ("FLOWCELL_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("FLOWCELL_SERVER_FORWARDED_HEADER", "forwarded"),
        ("FLOWCELL_SERVER_RATE_LIMIT_PER_IP", "600/1m"),
        ("FLOWCELL_TLS_CERT", "/c.pem"),
        ("FLOWCELL_TLS_KEY", "/k.pem"),
    ];
    let config = load("", &variables, Flags::default()).unwrap();
    assert_eq!((config.network.max_connections, config.network.max_connections_per_ip), (10, Some(2)));
    let proxies = &config.network.guards.proxies;
    assert_eq!(
        proxies.trusted.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "::1/128"]
    );
    assert_eq!(proxies.header, crate::gateway::ForwardedHeader::Forwarded);
    assert_eq!(config.network.guards.per_ip.map(|rate| rate.limit), Some(600));
    assert_eq!(config.tls, Some(TlsSource::Files { cert: "/c.pem".into(), key: "/k.pem".into() }));
}

#[test]
fn names_and_budgets_of_bodies_are_set_in_a_file_or_in_variables() {
    let guards = |file: &str, variables: &[(&str, &str)]| {
        load(file, variables, Flags::default()).unwrap().network.guards
    };
    let plain = guards("", &[]);
    let share = crate::memory_budget::bodies(crate::machine::memory());
    assert_eq!((plain.bodies.process, plain.bodies.per_address), (share, None));
    assert!(plain.hosts.names.is_empty() && !plain.hosts.cross_site);
    let file = "[server]\nhosts = [\"a.example\"]\npublic_url = \"https://B.example:8443/x\"\nbody_budget = \"1MiB\"";
    let variables =
        [("FLOWCELL_SERVER_BODY_BUDGET_PER_ADDRESS", "2MiB"), ("FLOWCELL_SERVER_CROSS_SITE", "true")];
    let set = guards(file, &variables);
    let names = ["a.example", "b.example"].map(|name| name.parse().unwrap());
    assert_eq!((set.hosts.names, set.hosts.cross_site), (names.to_vec(), true));
    assert_eq!((set.bodies.process, set.bodies.per_address), (1 << 20, Some(2 << 20)));
    let list = guards("", &[("FLOWCELL_SERVER_HOSTS", "*.example, localhost")]);
    assert_eq!(list.hosts.names.len(), 2);
}

#[test]
fn acme_is_set_in_a_file_or_in_variables() {
    let file = "[tls.acme]\ndomains = [\"A.example\"]\nterms_agreed = true";
    let Some(TlsSource::Acme(acme)) = load(file, &[], Flags::default()).unwrap().tls else { panic!("ACME") };
    assert_eq!((acme.domains, acme.contact), (vec!["a.example".to_owned()], None));
    assert_eq!(acme.directory, "https://acme-v02.api.letsencrypt.org/directory");
    let variables = [
        ("FLOWCELL_TLS_ACME_DOMAINS", "a.example, b.example"),
        ("FLOWCELL_TLS_ACME_CONTACT", "mailto:ops@a.example"),
        ("FLOWCELL_TLS_ACME_DIRECTORY", "https://ca.example/dir"),
        ("FLOWCELL_TLS_ACME_TERMS_AGREED", "true"),
        ("FLOWCELL_SERVER_DATA", "/d"),
    ];
    let Some(TlsSource::Acme(acme)) = load("", &variables, Flags::default()).unwrap().tls else {
        panic!("ACME")
    };
    assert_eq!(acme.domains, ["a.example", "b.example"]);
    assert_eq!(acme.contact.as_deref(), Some("mailto:ops@a.example"));
    assert_eq!((acme.directory.as_str(), acme.folder), ("https://ca.example/dir", "/d/acme".into()));
}

#[test]
fn what_is_wrong_at_the_edge_of_the_network_is_named() {
    let acme = |rest: &str| format!("[tls.acme]\nterms_agreed = true\n{rest}");
    let cases = [
        ("[server]\nmax_connections = 0".to_owned(), "server.max_connections"),
        ("[server]\nmax_connections_per_ip = 0".to_owned(), "server.max_connections_per_ip"),
        ("[server]\ntrusted_proxies = [\"10.0.0.0/99\"]".to_owned(), "`10.0.0.0/99`"),
        ("[server]\nforwarded_header = \"true-client-ip\"".to_owned(), "true-client-ip"),
        ("[server]\nrate_limit_per_ip = \"many\"".to_owned(), "server.rate_limit_per_ip: `many`"),
        ("[server]\nhosts = [\"a.example:80\"]".to_owned(), "server.hosts: `a.example:80`"),
        ("[server]\ncross_site = \"yes\"".to_owned(), "expected a boolean"),
        ("[server]\nbody_budget = \"1KiB\"".to_owned(), "server.body_budget: must be at least 1MiB"),
        ("[server]\nbody_budget_per_address = \"1B\"".to_owned(), "server.body_budget_per_address"),
        ("[tls]\ncert = \"c\"".to_owned(), "tls.key"),
        ("[tls]\nkey = \"k\"".to_owned(), "tls.cert"),
        ("[tls]\ncerts = \"k\"".to_owned(), "certs"),
        ("[tls.acme]\ndomains = [\"a.example\"]".to_owned(), "tls.acme.terms_agreed"),
        (acme("domains = []"), "tls.acme.domains"),
        (acme("domains = [\"*.a.example\"]"), "`*.a.example`"),
        (acme("domains = [\"192.0.2.1\"]"), "`192.0.2.1`"),
        (acme("domains = [\"a.example\"]\ncontact = \"me\""), "tls.acme.contact"),
        (acme("domains = [\"a.example\"]\ndirectory = \"http://ca.example/\""), "tls.acme.directory"),
        (format!("[tls]\ncert = \"c\"\nkey = \"k\"\n{}", acme("domains = [\"a.example\"]")), "tls.acme"),
    ];
    for (file, named) in cases {
        let error = load(&file, &[], Flags::default()).map(|_| ()).unwrap_err();
        assert!(error.contains(named), "{named}: {error}");
    }
}
