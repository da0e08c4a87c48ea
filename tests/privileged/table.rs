//! The direct table in the kernel: the program asks the trie where the table's pages do not suffice, and a
//! wrong cell is never published.

use aya::{
    maps::{Array, Map, MapData, MapInfo},
    programs::loaded_programs,
};
use d365_common::{
    direct::{self, CELLS, Cell, FIRST_PAGE, Page},
    entry::Entry,
    names,
};
use d365_tests::require;
use d365_user::{
    generation::TableSize,
    kernel::{Kernel, Options, VerifyError},
};

use crate::judged::{Judged, compiled, options, ranges};

const LIST: [&str; 8] = [
    "11.0.0.0/9",
    "11.1.0.0/16",
    "11.1.2.0/23",
    "11.1.3.128/25",
    "12.1.2.0/24",
    "2a00::/20",
    "2a00:1::/32",
    "2a00:1:2::/48",
];

/// The tables of a loaded program.
fn tables(kernel: &mut Kernel) -> Array<MapData, Page> {
    let id = kernel.program_id().unwrap();
    let program = loaded_programs().map(Result::unwrap).find(|program| program.id() == id).unwrap();
    let maps = program.map_ids().unwrap().unwrap();
    let is_ours = |id: &u32| MapInfo::from_id(*id).unwrap().name_as_str() == Some(names::TABLES);
    let id = maps.into_iter().find(is_ours).unwrap();
    Map::from_map_data(MapData::from_id(id).unwrap()).unwrap().try_into().unwrap()
}

#[test]
fn with_any_number_of_pages_the_answers_are_the_same() {
    require!(Root);
    let sizes = [(0, 0, 3), (1, 1, 2), (2, 1, 2), (3, 3, 1), (4, 3, 1), (5, 5, 0), (4096, 5, 0)];
    for (max_pages, pages, trie_blocks) in sizes {
        let mut judged = Judged::by(ranges(&LIST), &Options { max_pages, ..options() });
        let size = TableSize { pages, trie_blocks };
        assert_eq!(judged.kernel.table_size(), size, "with {max_pages}");
        judged.edges_hold(&format!("with {max_pages} pages"));
    }
    Judged::by(ranges(&LIST), &Options { trie_only: true, ..options() }).edges_hold("without a table");
}

/// One cell is wrong, near an edge of a range or far from any edge.
#[test]
fn a_wrong_cell_is_never_published() {
    require!(Root);
    let compiled = compiled(&LIST);
    let entry = |slot| Entry::new(slot, compiled.entries[0].1.geo()).unwrap();
    let [another, retired] = [Cell::listed(entry(4)), Cell::listed(entry(0).retire())];
    let page_of = |table: &Array<MapData, Page>, root: u32, cell: usize| {
        let cells = table.get(&root, 0).unwrap();
        Cell::from_bits(cells[cell]).next().unwrap()
    };
    // Each row contains the page for the first byte, the second byte, the third byte if the cell is in a page
    // of its own, and the wrong cell.
    let wrong = [
        ("a range in the midst of nothing", 77, 77, None, another),
        ("nothing in the midst of a range", 11, 77, None, Cell::UNLISTED),
        ("another range in the midst of one", 11, 77, None, another),
        ("a retired one", 11, 78, None, retired),
        ("the first cell", 0, 0, None, another),
        ("the last cell", 511, 255, None, another),
        ("of IPv6, in the midst of a range", 256 + 0x2a, 0, Some(0x0e), another),
        ("of a third byte, in the midst of nothing", 12, 1, Some(99), another),
        ("of a third byte, in the midst of a range", 11, 1, Some(99), Cell::UNLISTED),
        ("a page that is another one's too", 77, 77, None, Cell::page(FIRST_PAGE)),
        ("a page that is a root", 77, 77, None, Cell::page(11)),
    ];
    let mut judged = Judged::by(ranges(&["11.0.0.0/24"]), &options());
    let mut table = tables(&mut judged.kernel);
    for (name, root, second, third, cell) in wrong {
        // The published generation is in buffer 1 and stays there. This one is staged in buffer 0.
        let staged = judged.kernel.stage(&compiled).unwrap();
        let (page, at) = match third {
            None => (root, second),
            Some(third) => (page_of(&table, root, second), third),
        };
        let mut cells: Page = table.get(&page, 0).unwrap();
        assert_ne!(std::mem::replace(&mut cells[at], cell.bits()), cell.bits(), "{name}");
        table.set(page, cells, 0).unwrap();
        let Err(error) = judged.kernel.verify(staged, &compiled) else { panic!("{name} was verified") };
        let expected = matches!(error, VerifyError::Mismatch { .. } | VerifyError::Tangled { .. });
        assert!(expected, "{name}: {error}");
        // The active list stays.
        [[11, 0, 0, 9], [12, 1, 2, 9]].into_iter().for_each(|it| judged.looks_up(name, it.into()));
    }
    judged.publish(ranges(&LIST));
    judged.edges_hold("right");
}

/// A cell that leaves its addresses to the trie is correct, and so is a cell that names a page outside the
/// table.
#[test]
fn a_table_that_knows_nothing_is_as_good_as_none() {
    require!(Root);
    let mut judged = Judged::by(ranges(&["11.0.0.0/24"]), &options());
    let mut table = tables(&mut judged.kernel);
    let missing = Cell::page(direct::pages(direct::DEFAULT_PAGES));
    for (buffer, cell) in [(0, Cell::ASK_TRIE), (1, missing)] {
        let staged = judged.kernel.stage(&compiled(&LIST)).unwrap();
        let first = table.len() / names::BUFFERS * buffer;
        for page in 0..FIRST_PAGE {
            table.set(first + page, [cell.bits(); CELLS], 0).unwrap();
        }
        let verified = judged.kernel.verify(staged, &compiled(&LIST)).unwrap();
        judged.kernel.activate(verified).unwrap();
        judged.ranges = ranges(&LIST);
        judged.edges_hold("left to the trie");
    }
}
