//! The files that Kafka and ZooKeeper are configured by.

use std::path::Path;
use std::time::Duration;

/// The ports of one node, all on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    /// The listener for programs on this machine.
    pub(crate) host: u16,
    /// The listener that is advertised to QEMU guests.
    pub(crate) guest: u16,
    /// The listener of the KRaft controller.
    pub(crate) controller: u16,
    /// For clients behind proxies: a listener of its own for those on this machine, and before `guest` a door.
    pub(crate) doors: Option<[Door; 2]>,
}

/// A listener that clients are to reach through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// The port that clients are told: nothing listens there until somebody starts a proxy on 127.0.0.1.
    pub advertised: u16,
    /// The port of 127.0.0.1 on which the broker listens for what comes through it.
    pub broker: u16,
}

/// What the nodes of a cluster agree with each other by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode<'a> {
    /// Each node is broker and controller; here are the ports of all nodes.
    KRaft(&'a [Ports]),
    /// Brokers around the one ZooKeeper at this port.
    ZooKeeper(u16),
}

/// When ZooKeeper has surely ended the session of a broker that was killed: the session's timeout of [`server`], the
/// tick of [`zookeeper`] by which it is noticed, and a second for slow machines.
pub(crate) const SESSION_END: Duration = Duration::from_secs(3 + 1 + 1);

/// The address of the host as QEMU's user network shows it to its guest.
pub(crate) const HOST_SEEN_BY_GUEST: &str = "10.0.2.2";

/// `server.properties` of node `id` (from 1) of `count`; `extra` comes last and wins.
pub(crate) fn server(
    id: u16,
    count: u16,
    ports: Ports,
    mode: Mode<'_>,
    data: &Path,
    extra: &[(String, String)],
) -> String {
    let Ports { host, guest, controller, doors } = ports;
    let mut listeners = format!("PLAINTEXT://127.0.0.1:{host},GUEST://127.0.0.1:{guest}");
    let mut protocols = "PLAINTEXT:PLAINTEXT,GUEST:PLAINTEXT".to_owned();
    let mut advertised = format!("PLAINTEXT://127.0.0.1:{host},GUEST://{HOST_SEEN_BY_GUEST}:{guest}");
    if let Some([door, guest_door]) = doors {
        listeners.push_str(&format!(",PROXIED://127.0.0.1:{}", door.broker));
        protocols.push_str(",PROXIED:PLAINTEXT");
        advertised = format!(
            "PLAINTEXT://127.0.0.1:{host},GUEST://{HOST_SEEN_BY_GUEST}:{},PROXIED://127.0.0.1:{}",
            guest_door.advertised, door.advertised
        );
    }
    let mode_lines = match mode {
        Mode::KRaft(all) => {
            listeners.push_str(&format!(",CONTROLLER://127.0.0.1:{controller}"));
            protocols.push_str(",CONTROLLER:PLAINTEXT");
            let voters: Vec<String> =
                (1..).zip(all).map(|(id, p)| format!("{id}@127.0.0.1:{}", p.controller)).collect();
            format!(
                "process.roles=broker,controller\nnode.id={id}\ncontroller.listener.names=CONTROLLER\n\
                 controller.quorum.voters={}\nbroker.session.timeout.ms=3000\n\
                 broker.heartbeat.interval.ms=500\n",
                voters.join(",")
            )
        }
        Mode::ZooKeeper(port) => format!(
            "broker.id={id}\nzookeeper.connect=127.0.0.1:{port}\nzookeeper.session.timeout.ms=3000\n\
             zookeeper.connection.timeout.ms=30000\n"
        ),
    };
    let in_sync = if count > 1 { 2 } else { 1 };
    let mut text = format!(
        "{mode_lines}listeners={listeners}\n\
         advertised.listeners={advertised}\n\
         listener.security.protocol.map={protocols}\n\
         inter.broker.listener.name=PLAINTEXT\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         default.replication.factor={count}\n\
         min.insync.replicas={in_sync}\n\
         offsets.topic.num.partitions=3\n\
         offsets.topic.replication.factor={count}\n\
         transaction.state.log.num.partitions=3\n\
         transaction.state.log.replication.factor={count}\n\
         transaction.state.log.min.isr={in_sync}\n\
         group.initial.rebalance.delay.ms=0\n\
         num.network.threads=2\n\
         num.io.threads=4\n\
         log.cleaner.dedupe.buffer.size=4194304\n",
        data.display()
    );
    for (key, value) in extra {
        text.push_str(&format!("{key}={value}\n"));
    }
    text
}

/// `zk.properties`. Half of the session timeout of [`server`] is the most that its tick may be.
pub(crate) fn zookeeper(port: u16, data: &Path) -> String {
    format!(
        "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\ntickTime=1000\nmaxClientCnxns=0\n\
         admin.enableServer=false\n",
        data.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports { host: 1001, guest: 1002, controller: 1003, doors: None };

    #[test]
    fn a_guest_is_told_another_address_than_a_host() {
        let text = server(1, 1, PORTS, Mode::ZooKeeper(2181), Path::new("d"), &[]);
        assert!(text.contains("\nlisteners=PLAINTEXT://127.0.0.1:1001,GUEST://127.0.0.1:1002\n"));
        assert!(text.contains("\nadvertised.listeners=PLAINTEXT://127.0.0.1:1001,GUEST://10.0.2.2:1002\n"));
        assert!(text.contains("\nmin.insync.replicas=1\n"));
    }

    #[test]
    fn behind_proxies_only_tools_and_brokers_are_told_the_broker_s_own_port() {
        let doors = [Door { advertised: 2001, broker: 2002 }, Door { advertised: 2003, broker: PORTS.guest }];
        let ports = Ports { doors: Some(doors), ..PORTS };
        let text = server(1, 1, ports, Mode::ZooKeeper(2181), Path::new("d"), &[]);
        let expected = "\nlisteners=PLAINTEXT://127.0.0.1:1001,GUEST://127.0.0.1:1002,PROXIED://127.0.0.1:2002\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:1001,GUEST://10.0.2.2:2003,PROXIED://127.0.0.1:2001\n";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("GUEST:PLAINTEXT,PROXIED:PLAINTEXT\n"), "{text}");
    }

    #[test]
    fn three_nodes_vote_and_extra_properties_win() {
        let all = [PORTS; 3];
        let extra = [("min.insync.replicas".to_owned(), "3".to_owned())];
        let text = server(2, 3, PORTS, Mode::KRaft(&all), Path::new("d"), &extra);
        assert!(text.contains("=1@127.0.0.1:1003,2@127.0.0.1:1003,3@127.0.0.1:1003\n"));
        assert!(text.contains("\nmin.insync.replicas=2\n") && text.ends_with("min.insync.replicas=3\n"));
    }
}
