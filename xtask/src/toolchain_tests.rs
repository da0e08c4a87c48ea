//! Tests the choice of compiler and linker on described machines.

use super::*;

fn compiler(name: &str, release: (u32, u32), nightly: bool, llvm: u32) -> Compiler {
    Compiler { name: (!name.is_empty()).then(|| name.to_owned()), release, nightly, llvm }
}

fn linker(llvm: Option<u32>) -> Option<Linker> {
    Some(Linker { path: "/bin/bpf-linker".into(), llvm })
}

fn laptop() -> Facts {
    let compilers = vec![
        compiler(LINKED, (1, 96), false, 22),
        compiler("nightly-2026-01-02-x86_64-unknown-linux-gnu", (1, 95), true, 21),
        compiler("nightly-x86_64-unknown-linux-gnu", (1, 97), true, 22),
        compiler("stable-x86_64-unknown-linux-gnu", (1, 98), false, 22),
    ];
    Facts { rustup: true, compilers, linker: linker(Some(22)) }
}

fn chosen(facts: &Facts) -> Result<Option<&str>, Missing> {
    facts.choose().map(|choice| choice.compiler.name.as_deref())
}

#[test]
fn the_newest_nightly_comes_first_then_debians() {
    let mut facts = laptop();
    assert_eq!(chosen(&facts), Ok(Some("nightly-x86_64-unknown-linux-gnu")));
    facts.compilers.retain(|c| !c.nightly);
    assert_eq!(chosen(&facts), Ok(Some(LINKED)));
    facts.compilers.retain(|c| c.name.as_deref() != Some(LINKED));
    assert_eq!(chosen(&facts), Err(Missing::Compiler), "a stable toolchain is not ours to bend");
}

#[test]
fn a_nightly_too_new_for_the_linker_is_passed_over() {
    let mut facts = laptop();
    facts.compilers[2].llvm = 23;
    facts.compilers.remove(1);
    assert_eq!(chosen(&facts), Ok(Some(LINKED)));
    facts.linker = linker(None);
    assert_eq!(chosen(&facts), Ok(Some("nightly-x86_64-unknown-linux-gnu")), "brings its own LLVM");
    facts.linker = linker(Some(21));
    assert_eq!(chosen(&facts), Err(Missing::LinkerLlvm(23)));
}

#[test]
fn a_compiler_older_than_the_workspace_is_passed_over() {
    let mut facts = laptop();
    facts.compilers = vec![compiler(LINKED, (1, 85), false, 19)];
    assert_eq!(chosen(&facts), Err(Missing::Compiler));
}

#[test]
fn without_rustup_it_is_the_compiler_on_the_path() {
    let compilers = vec![compiler("", (1, 96), false, 22)];
    let mut facts = Facts { compilers, linker: linker(Some(22)), ..Facts::default() };
    assert_eq!(chosen(&facts), Ok(None));
    facts.linker = None;
    assert_eq!(chosen(&facts), Err(Missing::Linker));
    facts.compilers.clear();
    assert_eq!(chosen(&facts), Err(Missing::Compiler));
}

#[test]
fn reads_what_rustc_and_ldd_print() {
    let debian = "rustc 1.96.0 (ac68faa20 2026-05-25)\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
    assert_eq!(parse_compiler(debian, None), Some(compiler("", (1, 96), false, 22)));
    let nightly = "release: 1.97.0-nightly\nLLVM version: 22.1.4\n";
    assert_eq!(parse_compiler(nightly, None), Some(compiler("", (1, 97), true, 22)));
    assert_eq!(parse_compiler("rustc 1.96.0\n", None), None);

    assert_eq!(parse_linker_llvm("\tlibLLVM.so.22.1 => /usr/lib/libLLVM.so.22.1 (0x7f)\n"), Some(Some(22)));
    assert_eq!(parse_linker_llvm("\tlibLLVM-17.so => /usr/lib/libLLVM-17.so (0x7f)\n"), Some(Some(17)));
    assert_eq!(parse_linker_llvm("\tlibLLVM.so.22.1 => not found\n"), None);
    assert_eq!(parse_linker_llvm("\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n"), Some(None));
}
