//! A chassis whose description names an interface that is not there yet.

use crate::tools::{self, Namespace, wait_for, wait_until};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const TOOLS: &[&str] = &["ip", "ping"];

/// A router whose second port waits for the interface `late`.
const CHASSIS: &str = "name = \"late\"
startup_config = '''
hostname Router
interface Ethernet0/0
 ip address 10.84.0.1 255.255.255.0
 no shutdown
interface Ethernet0/1
 ip address 10.85.0.1 255.255.255.0
 no shutdown
end
'''
[[cards]]
slot = 0
ports = [{ number = 0, wire = \"packet:early\" }, { number = 1, wire = \"packet:late\" }]
";

/// A chassis in a namespace; it goes down with the value.
struct Router {
    namespace: Namespace,
    directory: PathBuf,
}

impl Router {
    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let script = self.directory.join("script");
        std::fs::write(&script, input).expect("a script");
        let mut command: Command = self.namespace.command(env!("CARGO_BIN_EXE_holdover"));
        command
            .args(arguments)
            .env("HOLDOVER_DIR", &self.directory)
            .stdin(Stdio::from(std::fs::File::open(&script).expect("the script")));
        command.output().expect("the program runs")
    }

    fn console(&self, lines: &str) -> String {
        String::from_utf8_lossy(&self.run(&["console"], lines).stdout).into_owned()
    }

    fn wait_until_port_is(&self, port: &str, state: &str) {
        wait_until(&format!("{port} is {state}"), || {
            let brief = self.console("show ip interface brief\n");
            brief
                .lines()
                .any(|line| line.starts_with(port) && line.trim_end().ends_with(state))
        });
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _stopped = self.run(&["down"], "");
        let _removed = std::fs::remove_dir_all(&self.directory);
    }
}

/// Joins the host to an interface that the router gets now.
fn plug(host: &Namespace, router: &Namespace, interface: &str, address: &str) {
    let (host_name, router_name) = (host.name(), router.name());
    tools::ip(&format!(
        "link add {interface} netns {router_name} type veth peer name h-{interface} netns {host_name}"
    ));
    router.quiet(interface);
    host.quiet(&format!("h-{interface}"));
    tools::ip(&format!(
        "-n {host_name} address add {address}/24 dev h-{interface}"
    ));
    tools::ip(&format!("-n {host_name} link set h-{interface} up"));
    tools::ip(&format!("-n {router_name} link set {interface} up"));
}

/// The router answers, sooner or later: a port that has just come up may yet lack what it is to do.
fn answers(host: &Namespace, address: &str) {
    wait_until(&format!("{address} answers"), || {
        host.try_run(&format!("ping -c 1 -W 1 {address}"))
            .contains(" 0% packet loss")
    });
}

fn card_log(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("log").join("0.log")).unwrap_or_default()
}

#[test]
fn a_port_without_its_interface_is_down_until_that_comes_and_the_rest_of_the_chassis_works() {
    let name = "a_port_without_its_interface_is_down_until_that_comes_and_the_rest_of_the_chassis_works";
    let Some(_turn) = crate::ready(name, TOOLS) else {
        return;
    };
    let directory = std::env::temp_dir().join(format!("holdover-late-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for the test");
    let [host, namespace] =
        ["h", "r"].map(|role| Namespace::add(&format!("hold-late-{role}-{}", std::process::id())));
    plug(&host, &namespace, "early", "10.84.0.2");
    let router = Router { namespace, directory };
    let file = router.directory.join("chassis.toml");
    std::fs::write(&file, CHASSIS).expect("a chassis file");
    let up = router.run(
        &["up", "--detach", "--chassis", file.to_str().expect("a path")],
        "",
    );
    let said = String::from_utf8_lossy(&up.stderr).into_owned();
    assert!(up.status.success(), "{said}");
    assert!(
        said.contains("port 0/1 stays down for now: there is no interface 'late'"),
        "{said}"
    );
    router.wait_until_port_is("Ethernet0/0", "up");
    answers(&host, "10.84.0.1");
    router.wait_until_port_is("Ethernet0/1", "down");
    let shown = router.console("enable\nshow interfaces Ethernet0/1\nshow facility-alarm status\n");
    for part in [
        "Ethernet0/1 is down",
        "Hardware is packet late",
        "Physical Port Link Down",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    // A card that starts without the interface is no worse off than one that lost it.
    assert!(router.run(&["reset", "0"], "").status.success());
    wait_until("the card says again what it misses", || {
        card_log(&router.directory)
            .matches("there is no interface 'late'")
            .count()
            == 2
    });
    router.wait_until_port_is("Ethernet0/0", "up");
    answers(&host, "10.84.0.1");
    plug(&host, &router.namespace, "late", "10.85.0.2");
    router.wait_until_port_is("Ethernet0/1", "up");
    answers(&host, "10.85.0.1");
    assert!(card_log(&router.directory).contains("port 0/1: its interface is there"));
    tools::ip(&format!("-n {} link del late", router.namespace.name()));
    router.wait_until_port_is("Ethernet0/1", "down");
    let logged = wait_for("the log tells all of it", || {
        let log = router.console("enable\nshow logging | include Ethernet0/1\n");
        (log.matches("changed state to down").count() >= 1).then_some(log)
    });
    assert!(logged.contains("changed state to up"), "{logged}");
}
