//! Tests of the judgement by a driver's description.

use super::*;

/// The limit is the driver's own; a driver that is not described has a cautious one.
#[test]
fn each_driver_has_its_own_limit_of_the_mtu() {
    for (driver, fits) in [("igb", 3046), ("igc", 1500), ("gve", 2032), ("vmxnet3", 3050), ("new", 3498)] {
        let with = |mtu| {
            let change = move |facts: &mut InterfaceFacts| {
                facts.driver = Ok(driver.to_owned());
                link(facts).mtu = mtu;
                facts.features = Ok(Some(BASIC));
            };
            wrong(change).contains(&(Check::Mtu, WARNING))
        };
        assert_eq!([with(fits), with(fits + 1)], [false, true], "{driver}");
    }
}

#[test]
fn a_driver_that_ends_lro_by_itself_needs_no_help() {
    let lro = |driver: &'static str| {
        move |facts: &mut InterfaceFacts| {
            facts.driver = Ok(driver.to_owned());
            facts.offloads = Ok(Offloads { lro: true, gro: true });
        }
    };
    assert_eq!(wrong(lro("bnxt_en")), [(Check::Driver, WARNING)]);
    assert_eq!(said(Check::Lro, lro("bnxt_en")), "on: the driver switches it off for a native program");
    assert_eq!(wrong(lro("ixgbe")), [Check::Driver, Check::Lro, Check::Native].map(|check| (check, WARNING)));
}

#[test]
fn a_driver_with_a_defect_is_not_used_natively() {
    let vmxnet3 = |facts: &mut InterfaceFacts| {
        facts.driver = Ok("vmxnet3".to_owned());
        facts.features = Ok(Some(BASIC));
    };
    assert_eq!(wrong(vmxnet3), [(Check::Native, WARNING)]);
    assert!(said(Check::Native, vmxnet3).starts_with("not used: in native mode it forgets the program"));
}

#[test]
fn a_condition_of_the_driver_is_shown() {
    let condition = said(Check::Native, |facts| facts.driver = Ok("ena".to_owned()));
    assert!(condition.starts_with("possible; the driver needs a second queue"), "{condition}");
}
