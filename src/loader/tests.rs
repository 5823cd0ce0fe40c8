//! A thousand histories, one from each seed: files are edited, broken and removed, versions are published on right and on stale
//! bases, rolled back, moved and switched off, and the process ends in between. After each act the rules of homes hold.

use std::{collections::BTreeMap, fs};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::*;
use crate::{
    config::{Config, Flags},
    engine::{Catalog, EngineOptions, HomeError, Homes, Publication, SystemPorts, Vault},
    gateway::Endpoints,
    model::VersionHash,
    net::{Outbound, OutboundOptions},
    sandbox::EngineOptions as SandboxOptions,
    steps::Services,
    store::{MemoryStore, Store, tables::revisions::Revision},
};

const SEEDS: u64 = 1_000;
const ACTS: usize = 14;

fn sandbox() -> JsEngine {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp/sandbox-cache");
    JsEngine::load(&SandboxOptions { cache: Some(cache), slots: 1, ..SandboxOptions::default() }).unwrap()
}

fn loader(sandbox: &JsEngine, store: &Arc<dyn Store>, root: &Path) -> Loader {
    let config = Config::load(&Flags::default(), std::iter::empty()).unwrap();
    let variables = Variables::new(&config);
    let services = Services {
        sandbox: sandbox.clone(),
        net: Outbound::new(OutboundOptions::default()).unwrap(),
        plugins: crate::engine::Plugins::none(),
    };
    let catalog = Catalog::new(sandbox.clone(), variables.environment());
    let (ports, options) = (Arc::new(SystemPorts::default()), EngineOptions::default());
    let engine = Engine::new(Arc::clone(store), services, Vault::empty(), ports, catalog, options);
    let folders = Folders { root: root.to_owned(), absent: Missing::Allowed, read_only: false };
    Loader::new(folders, sandbox.clone(), variables, engine, Arc::new(Endpoints::default()))
}

/// What the model knows of a workflow.
#[derive(Default)]
struct Known {
    place: Option<Place>,
    revisions: Vec<Revision>,
    off: bool,
}

struct World {
    random: ChaCha8Rng,
    root: PathBuf,
    store: Arc<dyn Store>,
    loader: Loader,
    known: BTreeMap<WorkflowKey, Known>,
    written: u64,
    /// Whether each act is printed.
    shown: bool,
}

impl World {
    fn below(&mut self, most: u64) -> u64 {
        self.random.next_u64() % most
    }

    /// Files that were never there before.
    fn bundle(&mut self, key: &WorkflowKey) -> Bundle {
        self.written += 1;
        let number = self.written;
        let workflow = format!(
            "{{\n  \"key\": \"{key}\",\n  \"title\": \"{number}\",\n  \"trigger\": {{ \"type\": \"manual\" }},\n  \"steps\": []\n}}\n"
        );
        let mut files = BTreeMap::from([("main.js".to_owned(), format!("return {number}\n"))]);
        if self.below(2) == 0 {
            files.insert("lib/more.ts".to_owned(), format!("export const more = {}\n", self.below(3)));
        }
        Bundle { workflow, files }
    }

    fn folder(&self, key: &WorkflowKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn in_folder(&self, key: &WorkflowKey) -> Option<Bundle> {
        folder::read_below(&self.root, Path::new(key.as_str())).ok()
    }

    fn origin(&self) -> Origin {
        Origin { by: Actor::Machine, source: Source::Api, note: "n".to_owned() }
    }

    async fn revisions(&self, key: &WorkflowKey) -> Vec<Revision> {
        let mut all = revisions::list(&*self.store, key, None, usize::MAX).await.unwrap();
        all.reverse();
        all
    }

    async fn home(&self, key: &WorkflowKey) -> Option<Home> {
        homes::get(&*self.store, key).await.unwrap()
    }

    fn edit(&mut self, key: &WorkflowKey) {
        let bundle = self.bundle(key);
        let folder = self.folder(key);
        let _ = fs::remove_dir_all(folder.join("lib"));
        for (name, text) in bundle
            .files
            .iter()
            .map(|(name, text)| (name.as_str(), text))
            .chain([("workflow.json", &bundle.workflow)])
        {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    async fn restart(&mut self, sandbox: &JsEngine) {
        self.loader = loader(sandbox, &self.store, &self.root);
        let folders = folder::workflows_in(&self.root, Missing::Allowed).unwrap();
        self.loader.begin(folders).await.unwrap();
    }

    /// One random act; gives whether the loader has looked at all files since.
    async fn act(&mut self, sandbox: &JsEngine) -> bool {
        let key: WorkflowKey = ["a", "b"][self.below(2) as usize].parse().unwrap();
        let act = self.below(11);
        if self.shown {
            println!("act {act} on {key}");
        }
        match act {
            0 => self.edit(&key),
            1 => {
                let _ = fs::create_dir_all(self.folder(&key));
                fs::write(self.folder(&key).join("workflow.json"), "{ wrong").unwrap();
            }
            2 => {
                let _ = fs::remove_dir_all(self.folder(&key));
            }
            3 | 4 => {
                self.loader.look().await;
                return true;
            }
            5 => {
                let bundle = self.bundle(&key);
                let is_free =
                    self.known[&key].place.is_none() && !self.folder(&key).join("workflow.json").exists();
                let made = self.loader.create(bundle, self.origin()).await;
                assert_eq!(made.is_ok(), is_free, "{made:?}");
                if made.is_ok() {
                    self.known.get_mut(&key).unwrap().place = Some(Place::Server);
                }
            }
            6 => self.publish(&key).await,
            7 => self.publish_on_a_stale_base(&key).await,
            8 => self.roll_back(&key).await,
            9 => self.move_home(&key).await,
            _ if self.below(2) == 0 => {
                self.restart(sandbox).await;
                return true;
            }
            _ => {
                let on = self.known[&key].off;
                let switched = self.loader.switch(&key, on, Actor::Machine).await;
                assert_eq!(switched.is_ok(), self.home(&key).await.is_some());
                if switched.is_ok() {
                    self.known.get_mut(&key).unwrap().off = !on;
                }
            }
        }
        false
    }

    /// The version that a publication is based on now.
    async fn base(&self, key: &WorkflowKey) -> Option<VersionHash> {
        let home = self.home(key).await?;
        match (home.place, self.in_folder(key)) {
            (Place::Folder, Some(found)) => Some(versions::hash(&found)),
            (Place::Folder | Place::Server, _) => Some(home.version),
        }
    }

    async fn publish(&mut self, key: &WorkflowKey) {
        let bundle = self.bundle(key);
        let Some(base) = self.base(key).await else { return };
        let before = self.home(key).await.unwrap();
        let publication = Publication {
            key: key.clone(),
            base,
            bundle: bundle.clone(),
            origin: self.origin(),
            accept_differences: false,
        };
        let published = self.loader.publish(publication).await.unwrap();
        assert_eq!((published.revision, published.changed), (before.revision + 1, true));
        if before.place == Place::Folder {
            assert_eq!(self.in_folder(key).as_ref(), Some(&bundle), "byte for byte");
        }
        assert_eq!(self.revisions(key).await.last().unwrap().source, Source::Api);
    }

    async fn publish_on_a_stale_base(&mut self, key: &WorkflowKey) {
        let bundle = self.bundle(key);
        let (Some(base), before) = (self.base(key).await, self.in_folder(key)) else { return };
        let stale = self.revisions(key).await.first().unwrap().version;
        if stale == base {
            return;
        }
        let publication = Publication {
            key: key.clone(),
            base: stale,
            bundle,
            origin: self.origin(),
            accept_differences: true,
        };
        match self.loader.publish(publication).await {
            Err(HomeError::Moved { base: named, theirs, .. }) => {
                assert_eq!((named, theirs), (stale, base));
                assert!(versions::get(&*self.store, theirs).await.unwrap().is_some(), "it can be compared");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(self.in_folder(key), before, "nothing was written");
    }

    async fn roll_back(&mut self, key: &WorkflowKey) {
        let all = self.revisions(key).await;
        if all.is_empty() {
            return;
        }
        let to = all[self.below(all.len() as u64) as usize].clone();
        let base = self.base(key).await;
        let home = self.home(key).await.unwrap();
        let back = self.loader.roll_back(key, to.number, base, self.origin()).await.unwrap();
        assert_eq!(back.version, to.version);
        if back.changed {
            assert_eq!(self.revisions(key).await.last().unwrap().source, Source::Rollback);
        }
        if home.place == Place::Folder {
            assert_eq!(self.in_folder(key).map(|found| versions::hash(&found)), Some(to.version));
        }
    }

    async fn move_home(&mut self, key: &WorkflowKey) {
        let Some(home) = self.home(key).await else { return };
        let found = self.in_folder(key).map(|found| versions::hash(&found));
        let (to, may) = match home.place {
            Place::Folder => (Place::Server, found.is_none_or(|found| found == home.version)),
            Place::Server => {
                let all = self.revisions(key).await;
                let is_ours = |found| all.iter().any(|revision| revision.version == found);
                (Place::Folder, found.is_none_or(is_ours))
            }
        };
        let before = self.revisions(key).await;
        let moved = self.loader.move_home(key, to, self.origin()).await;
        assert_eq!(moved.is_ok(), may, "{moved:?}");
        assert_eq!(self.revisions(key).await, before, "a move is no publication");
        if moved.is_ok() {
            self.known.get_mut(key).unwrap().place = Some(to);
            if to == Place::Folder {
                let found = self.in_folder(key).map(|found| versions::hash(&found));
                assert_eq!(found, Some(home.version));
            }
        }
    }

    /// The rules that hold after every act; some only once all files were looked at.
    async fn check(&mut self, has_looked: bool) {
        for key in self.known.keys().cloned().collect::<Vec<_>>() {
            let (home, all) = (self.home(&key).await, self.revisions(&key).await);
            let known = self.known.get_mut(&key).unwrap();
            // Rule 1: numbers rise by one, and nothing leaves the list.
            assert!(all.starts_with(&known.revisions), "{key}");
            for (at, revision) in all.iter().enumerate() {
                let number = at as u64 + 1;
                assert_eq!((revision.number, revision.parent), (number, (number > 1).then_some(number - 1)));
                assert!(versions::get(&*self.store, revision.version).await.unwrap().is_some());
            }
            let new = &all[known.revisions.len()..];
            // Rule 2, 3: a folder changes only what lives in a folder.
            if known.place == Some(Place::Server) {
                assert!(new.iter().all(|revision| revision.source != Source::Folder), "{key}");
            }
            known.revisions = all.clone();
            let Some(home) = home else {
                assert!(all.is_empty() && known.place.is_none());
                continue;
            };
            // A home is taken once, by who comes first, and leaves only by a move.
            assert_eq!(*known.place.get_or_insert(Place::Folder), home.place);
            assert_eq!((home.revision, home.version), (all.len() as u64, all.last().unwrap().version));
            assert_eq!((home.off.is_some(), &home.pending), (known.off, &None));
            let current = self.loader.0.engine.catalog().current(&key);
            if let Some(current) = &current {
                assert_eq!(current.version, home.version, "what runs is the newest revision");
                assert_eq!(current.workflow.enabled, !known.off);
            }
            if !has_looked {
                continue;
            }
            let is_there = self.folder(&key).join("workflow.json").exists();
            match (home.place, is_there) {
                (Place::Server, _) | (Place::Folder, true) => assert!(current.is_some(), "{key}"),
                // Rule 12: gone.
                (Place::Folder, false) => assert!(current.is_none(), "{key}"),
            }
            let is_right = self.in_folder(&key).filter(|found| !found.workflow.contains("wrong"));
            if let (Place::Folder, Some(found)) = (home.place, is_right) {
                assert_eq!(versions::hash(&found), home.version, "what stands in the folder runs");
            }
        }
    }
}

#[test]
fn a_thousand_interleavings_keep_the_rules_of_homes() {
    let sandbox = sandbox();
    let one = std::env::var("FLOWCELL_SIM_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = one.map_or(0..SEEDS, |seed| seed..seed + 1);
    let mut made = 0;
    for seed in seeds {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("workflows");
        fs::create_dir(&root).unwrap();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _told = Told(seed);
        made += runtime.block_on(async {
            let loader = loader(&sandbox, &store, &root);
            let known = ["a", "b"].map(|key| (key.parse().unwrap(), Known::default())).into();
            let random = ChaCha8Rng::seed_from_u64(seed);
            let mut world = World { random, root, store, loader, known, written: 0, shown: one.is_some() };
            for _ in 0..ACTS {
                let has_looked = world.act(&sandbox).await;
                world.check(has_looked).await;
            }
            world.loader.look().await;
            world.check(true).await;
            world.known.values().map(|known| known.revisions.len()).sum::<usize>()
        });
    }
    assert!(one.is_some() || made > SEEDS as usize, "{made} revisions are too few to show anything");
}

/// Says which seed it was, if it fails.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FLOWCELL_SIM_SEED={}", self.0);
        }
    }
}
