//! A cluster of one or three nodes, from its first file to its last process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::admin::Admin;
use crate::error::{Error, Result};
use crate::install::run_quietly;
use crate::kafka::{Distribution, default_cache_dir};
use crate::node::{Java, Node, write};
use crate::options::Options;
use crate::process::{self, Process, Signal};
use crate::settings::{self, Door, HOST_SEEN_BY_GUEST, Mode, Ports, SESSION_END};
use crate::{ports, probe};

/// The file in a cluster's directory that says its logs are for somebody to read.
const KEEP: &str = "keep";

/// For how long: nobody reads them later, and they must not fill the disk.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A running cluster. Dropped, it stops all its processes and removes its files; while a panic unwinds, its logs stay.
///
/// Nodes are numbered from 1.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    java: Java,
    nodes: Vec<Node>,
    zookeeper: Option<Process>,
    admin: Admin,
    ready_timeout: Duration,
    keep_logs: bool,
}

impl Cluster {
    /// Fetches Kafka if it is not there, starts a cluster, and returns when every node answers and knows all others.
    ///
    /// # Errors
    /// Something is missing, or a node ends or stays silent: then with the end of its log.
    pub fn start(options: Options) -> Result<Self> {
        if options.nodes != 1 && options.nodes != 3 {
            return Err(Error::Invalid(format!("a cluster has 1 or 3 nodes, not {}", options.nodes)));
        }
        let cache_dir = default_cache_dir();
        let kafka = Distribution::ensure(&options.version, &cache_dir)?;
        let admin = Admin::new(String::new())?;
        sweep(&cache_dir.join("run"));
        let mut attempts = 3;
        loop {
            attempts -= 1;
            match Self::start_in(&new_dir(&cache_dir), &kafka, &options, admin.clone()) {
                // Between our look and the broker's listening somebody else may have taken the port.
                Err(Error::NotReady { tail, .. })
                    if attempts > 0 && tail.contains("Address already in use") => {}
                result => return result,
            }
        }
    }

    fn start_in(dir: &Path, kafka: &Distribution, options: &Options, admin: Admin) -> Result<Self> {
        process::remember_dir(dir);
        let java = Java {
            class_path: kafka.class_path(),
            heap_mib: options.heap_mib,
            quick_start: options.quick_start,
        };
        let mut cluster = Self {
            dir: dir.to_owned(),
            java,
            nodes: Vec::new(),
            zookeeper: None,
            admin,
            ready_timeout: options.ready_timeout,
            keep_logs: false,
        };
        let started = cluster.configure(kafka, options).and_then(|()| cluster.launch(kafka));
        // A failure's logs are what its error points to.
        cluster.keep_logs = started.is_err();
        started.map(|()| cluster)
    }

    fn configure(&mut self, kafka: &Distribution, options: &Options) -> Result<()> {
        let mut all = Vec::new();
        for _ in 0..options.nodes {
            let [host, guest, controller] = [ports::free()?, ports::free()?, ports::free()?];
            let door = |broker| Ok::<_, Error>(Door { advertised: ports::free()?, broker });
            let doors = if options.proxied { Some([door(ports::free()?)?, door(guest)?]) } else { None };
            all.push(Ports { host, guest, controller, doors });
        }
        let mode = if kafka.needs_zookeeper() {
            let port = ports::free()?;
            let file = self.dir.join("zookeeper/zk.properties");
            write(&file, &settings::zookeeper(port, &self.dir.join("zookeeper/data")))?;
            Mode::ZooKeeper(port)
        } else {
            Mode::KRaft(&all)
        };
        for (id, ports) in (1..).zip(all.iter().copied()) {
            let dir = self.dir.join(format!("node-{id}"));
            let text =
                settings::server(id, options.nodes, ports, mode, &dir.join("data"), &options.properties);
            self.nodes.push(Node::new(id, ports, dir, &text)?);
        }
        self.admin.set_bootstrap(self.bootstrap());
        Ok(())
    }

    fn launch(&mut self, kafka: &Distribution) -> Result<()> {
        if kafka.needs_zookeeper() {
            let dir = self.dir.join("zookeeper");
            let class = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
            let process = self.java.spawn(class, &dir.join("zk.properties"), &dir.join("server.log"))?;
            self.zookeeper = Some(process);
        } else {
            self.format()?;
        }
        for node in &mut self.nodes {
            node.start(&self.java)?;
        }
        self.wait_until_ready()
    }

    /// Gives each node's storage its cluster's id, all nodes at the same time.
    fn format(&self) -> Result<()> {
        std::thread::scope(|scope| {
            let formats: Vec<_> = self
                .nodes
                .iter()
                .map(|node| {
                    let mut command = self.java.command("kafka.tools.StorageTool");
                    command.args(["format", "-t", "bmFub2thZmthLWNsdXN0ZQ", "-c"]).arg(node.properties());
                    scope.spawn(move || run_quietly(command))
                })
                .collect();
            formats.into_iter().try_for_each(|format| {
                format.join().unwrap_or_else(|_| Err(Error::Invalid("formatting a node panicked".into())))
            })
        })
    }

    /// Waits until every node that runs answers, and tells that it knows all others that run.
    fn wait_until_ready(&mut self) -> Result<()> {
        let expected = self.answering().len();
        self.wait_for("does not know the whole cluster", |port| {
            probe::metadata(port, None).is_ok_and(|m| m.brokers.len() >= expected && m.controller >= 0)
        })
    }

    fn answering(&mut self) -> Vec<u16> {
        self.nodes.iter_mut().filter_map(|n| n.answers().then_some(n.id)).collect()
    }

    /// Waits until `is_so` holds for the host port of each node that can answer.
    pub(crate) fn wait_for(&mut self, what: &str, is_so: impl Fn(u16) -> bool) -> Result<()> {
        let deadline = Instant::now() + self.ready_timeout;
        for id in self.answering() {
            loop {
                let node = self.node(id)?;
                if is_so(node.ports.host) {
                    break;
                }
                let log = node.log();
                if !node.is_running() {
                    return Err(Error::not_ready(format!("node {id} of the cluster has ended"), &log));
                }
                if Instant::now() > deadline {
                    let seconds = self.ready_timeout.as_secs();
                    return Err(Error::not_ready(format!("node {id} {what} after {seconds} s"), &log));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// `host:port,...` of all nodes for programs on this machine.
    pub fn bootstrap(&self) -> String {
        self.addresses("127.0.0.1", |p| p.host)
    }

    /// `host:port,...` of all nodes for guests of QEMU's user network, through the doors if there are any.
    pub fn guest_bootstrap(&self) -> String {
        self.addresses(HOST_SEEN_BY_GUEST, |p| p.doors.map_or(p.guest, |doors| doors[1].advertised))
    }

    fn addresses(&self, host: &str, port: impl Fn(&Ports) -> u16) -> String {
        let all: Vec<String> = self.nodes.iter().map(|n| format!("{host}:{}", port(&n.ports))).collect();
        all.join(",")
    }

    /// The port of a node's listener on 127.0.0.1 for programs on this machine.
    ///
    /// # Errors
    /// There is no such node.
    pub fn host_port(&self, node: u16) -> Result<u16> {
        self.nodes.iter().find(|n| n.id == node).map(|n| n.ports.host).ok_or_else(|| no_node(node))
    }

    /// The port on 127.0.0.1 of a node's listener that answers with addresses for guests.
    ///
    /// # Errors
    /// There is no such node.
    pub fn guest_port(&self, node: u16) -> Result<u16> {
        self.nodes.iter().find(|n| n.id == node).map(|n| n.ports.guest).ok_or_else(|| no_node(node))
    }

    /// The doors of a node of a [proxied](Options::proxied) cluster: for programs on this machine, and for guests.
    ///
    /// # Errors
    /// There is no such node, or the cluster has no doors.
    pub fn doors(&self, node: u16) -> Result<[Door; 2]> {
        let found = self.nodes.iter().find(|n| n.id == node).ok_or_else(|| no_node(node))?;
        found.ports.doors.ok_or_else(|| Error::Invalid("the cluster was not started with `proxied`".into()))
    }

    /// How many nodes it was started with.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Topics and records, through Kafka's own clients.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Ends a node at once (SIGKILL), as a loss of power would.
    ///
    /// # Errors
    /// There is no such node, or it is not running.
    pub fn kill(&mut self, node: u16) -> Result<()> {
        self.node(node)?.signal(Signal::Kill)
    }

    /// Asks a node to end (SIGTERM), and waits until it has handed its partitions over and ended.
    ///
    /// # Errors
    /// There is no such node, or it is not running.
    pub fn terminate(&mut self, node: u16) -> Result<()> {
        self.node(node)?.signal(Signal::Terminate)
    }

    /// Makes a node stand still (SIGSTOP): its connections stay open and nothing answers.
    ///
    /// # Errors
    /// There is no such node, or it is not running.
    pub fn pause(&mut self, node: u16) -> Result<()> {
        self.node(node)?.signal(Signal::Stop)
    }

    /// Lets a node that was paused go on (SIGCONT).
    ///
    /// # Errors
    /// There is no such node, or it is not running.
    pub fn resume(&mut self, node: u16) -> Result<()> {
        self.node(node)?.signal(Signal::Continue)
    }

    /// Starts a node on its old ports and files, killing it first if it runs, and waits until it is back in the
    /// cluster.
    ///
    /// # Errors
    /// There is no such node, or it does not come back: then with the end of its log.
    pub fn restart(&mut self, node: u16) -> Result<()> {
        let java = self.java.clone();
        let found = self.node(node)?;
        found.stop();
        let registered_for = found.registered_for(SESSION_END);
        if self.zookeeper.is_some() {
            // A broker that finds its own name still registered by the session of the one that was killed exits.
            std::thread::sleep(registered_for);
        }
        self.node(node)?.start(&java)?;
        self.wait_until_ready()
    }

    /// Looks whether a node has ended that nobody stopped.
    ///
    /// # Errors
    /// One has: with the end of its log.
    pub fn check(&mut self) -> Result<()> {
        let died = self.nodes.iter_mut().find_map(|n| n.has_died().then(|| (n.id, n.log())));
        let Some((id, log)) = died else { return Ok(()) };
        self.keep_logs = true;
        Err(Error::not_ready(format!("node {id} has ended by itself"), &log))
    }

    /// The first node, if any, that has ended without having been stopped here.
    pub fn ended(&mut self) -> Option<u16> {
        self.nodes.iter_mut().find_map(|node| node.has_died().then_some(node.id))
    }

    /// A running node's process id.
    ///
    /// # Errors
    /// There is no such node, or it does not run.
    pub fn pid(&self, node: u16) -> Result<u32> {
        let found = self.nodes.iter().find(|n| n.id == node).ok_or_else(|| no_node(node))?;
        found.pid().ok_or_else(|| no_node(node))
    }

    /// Where its files are. They go when it is dropped; what others put there stays with the logs if these are kept.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file with all that a node has logged.
    ///
    /// # Errors
    /// There is no such node.
    pub fn log(&self, node: u16) -> Result<PathBuf> {
        self.nodes.iter().find(|n| n.id == node).map(Node::log).ok_or_else(|| no_node(node))
    }

    /// Keeps the logs when this is dropped, and tells where they are. A panic does the same by itself.
    pub fn keep_logs(&mut self) -> &Path {
        self.keep_logs = true;
        &self.dir
    }

    /// Stops all processes and removes the files; the same as dropping it.
    pub fn stop(self) {
        drop(self);
    }

    fn node(&mut self, id: u16) -> Result<&mut Node> {
        self.nodes.iter_mut().find(|n| n.id == id).ok_or_else(|| no_node(id))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(Node::stop);
        self.zookeeper = None;
        process::forget_dir(&self.dir);
        if self.keep_logs || std::thread::panicking() {
            for node in 1..=self.nodes.len() {
                let _ = fs::remove_dir_all(self.dir.join(format!("node-{node}/data")));
            }
            // Told to the sweeper, which takes the directories of processes that have ended.
            let _ = fs::write(self.dir.join(KEEP), "");
            eprintln!("the cluster's logs are kept in {}", self.dir.display());
        } else {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn no_node(node: u16) -> Error {
    Error::Invalid(format!("the cluster has no node {node}; they are numbered from 1"))
}

/// A directory that no other cluster has: named by the process that will sweep it.
fn new_dir(cache_dir: &Path) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    cache_dir.join("run").join(format!("{}-{number}", std::process::id()))
}

/// Removes what processes left behind that were killed before they could.
fn sweep(run_dir: &Path) {
    for entry in fs::read_dir(run_dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|n| n.split_once('-')).and_then(|(pid, _)| pid.parse::<u32>().ok());
        let orphan = owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
        let kept = fs::metadata(entry.path().join(KEEP)).and_then(|m| m.modified()).ok();
        let wanted = kept.and_then(|at| at.elapsed().ok()).is_some_and(|age| age < KEPT);
        if orphan && !wanted {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
