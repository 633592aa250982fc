//! A program that is started again as if on another machine.
use std::process::{Command, Output};

use invar_sandbox::{HostOverrides, refusal};

use crate::setup::PROBE;

fn started(place: &HostOverrides) -> Output {
    let mut command = place.command(PROBE.as_ref(), "the-name");
    command.env_clear().env("RUST_LOG", "x").output().unwrap()
}

#[test]
fn it_is_someone_else_on_another_host() {
    // What it is started with arrives by the name alone, so the program that is tried prints nothing else.
    let place = HostOverrides {
        user: Some((4321, 8765)),
        host_name: Some("another-host".to_owned()),
        umask: Some(0o027),
        cpus: Some(1),
    };
    let output = started(&place);
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(printed, "4321 8765 another-host 027 1 the-name\n");
    assert!(refusal(&output).is_none());
}

#[test]
fn what_is_not_asked_for_is_as_here() {
    let here = String::from_utf8(Command::new(PROBE).arg("where").output().unwrap().stdout).unwrap();
    let there = String::from_utf8(started(&HostOverrides::default()).stdout).unwrap();
    assert_eq!(there, here.replace(PROBE, "the-name"));
}

#[test]
fn a_place_that_cannot_be_had_is_refused() {
    let place = HostOverrides { host_name: Some("x".repeat(65)), ..HostOverrides::default() };
    let output = started(&place);
    let error = refusal(&output).expect("a host name cannot be so long");
    assert!(error.to_string().contains("host name"), "{error}");
}

#[test]
fn sandboxes_can_be_made_there() {
    let place = HostOverrides { user: Some((4321, 8765)), ..HostOverrides::default() };
    let output = place.command(PROBE.as_ref(), "available").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "available\n", "{output:?}");
}
