//! The dense tables of a database: every entry of every pack in the order of its bytes, then every loose object; what each
//! is a delta of, and which object it holds.

use crate::ObjectId;

use super::bytes::Bytes;
use super::entry::{self, Link};
use super::error::ObjectsError;
use super::folders::Source;
use super::inflate::Inflater;
use super::links::{Children, NO_BASE, State};
use super::loose::Loose;
use super::names::Names;
use super::visit::Kind;

/// Pages of a pack are released after this many bytes of it while its headers are read.
const RELEASE_EVERY: u64 = 64 << 20;

/// A pack and where its entries start in the tables.
pub struct Pack {
    pub bytes: Bytes,
    pub first: u32,
    pub borrowed: bool,
}

impl Pack {
    /// The pack without the checksum at its end.
    pub fn body(&self) -> &[u8] {
        &self.bytes[..self.bytes.len().saturating_sub(20)]
    }
}

/// The tables. An entry is one stored copy of an object; 29 bytes per packed entry and object, 20 more when several
/// sources are merged.
pub struct Catalog {
    pub packs: Vec<Pack>,
    pub loose: Loose,
    /// Of packed entries: where in the pack.
    offsets: Vec<u64>,
    /// Of packed entries: the entry it is a delta of.
    pub bases: Vec<u32>,
    /// Of packed entries: the kind, inherited from the root of its deltas, or what is wrong.
    states: Vec<State>,
    pub children: Children,
    /// The object of each entry.
    objects: Vec<u32>,
    /// The entry each object is read from.
    primaries: Vec<u32>,
    /// Further copies: object and entry, sorted.
    pub duplicates: Vec<(u32, u32)>,
    pub names: Names,
}

/// A delta whose base is named by id: its entry, and the id.
type ByName = (u32, ObjectId);

impl Catalog {
    /// Builds the tables. Packs are numbered largest first, so that the longest work starts first.
    pub fn new(
        mut sources: Vec<Source>,
        loose: Loose,
        loose_ids: Vec<ObjectId>,
        inflater: &mut Inflater,
    ) -> Result<Catalog, ObjectsError> {
        sources.sort_by(|a, b| (b.pack.len(), &a.name).cmp(&(a.pack.len(), &b.name)));
        let packed = sources.iter().map(|source| source.index.len()).sum::<usize>();
        // One number is kept for "no base", and weights of subtrees have 31 bits.
        if packed + loose.len() > i32::MAX as usize {
            return Err(ObjectsError::TooMany);
        }
        let mut catalog = Catalog::empty(loose);
        let single = sources.len() == 1 && loose_ids.is_empty() && sources[0].index.is_sorted();
        let (mut by_name, mut named) = (Vec::new(), Vec::new());
        for source in sources {
            let entries = catalog.add(&source, &mut by_name);
            if single {
                catalog.name_after_index(source, entries);
            } else {
                named.extend(entries.iter().enumerate().map(|(position, entry)| (source.index.id(position), *entry)));
                catalog.keep(source);
            }
        }
        if !single {
            named.extend(loose_ids.into_iter().zip(catalog.packed() as u32..));
            catalog.name(named);
        }
        catalog.link(by_name, inflater);
        Ok(catalog)
    }

    fn empty(loose: Loose) -> Catalog {
        Catalog {
            packs: Vec::new(),
            loose,
            offsets: Vec::new(),
            bases: Vec::new(),
            states: Vec::new(),
            children: Children::default(),
            objects: Vec::new(),
            primaries: Vec::new(),
            duplicates: Vec::new(),
            names: Names::of_table(Vec::new()),
        }
    }

    /// Adds the entries of a pack; returns the entry of each position in its index.
    fn add(&mut self, source: &Source, by_name: &mut Vec<ByName>) -> Vec<u32> {
        let first = self.offsets.len();
        // An offset that the index cannot tell is outside every pack.
        let offset = |position| source.index.offset(position).unwrap_or(u64::MAX);
        let mut order: Vec<(u64, u32)> = (0..source.index.len()).map(|i| (offset(i), i as u32)).collect();
        order.sort_unstable();
        let mut entries = vec![0; order.len()];
        for (rank, (_, position)) in order.iter().enumerate() {
            entries[*position as usize] = (first + rank) as u32;
        }
        self.offsets.extend(order.iter().map(|(offset, _)| offset));
        self.bases.reserve_exact(order.len());
        self.states.reserve_exact(order.len());
        let body = &source.pack[..source.pack.len().saturating_sub(20)];
        let mut released = 0;
        for (rank, (offset, _)) in order.iter().enumerate() {
            let (base, state) = self.classify(body, first, rank, by_name);
            self.bases.push(base);
            self.states.push(state);
            if offset - released > RELEASE_EVERY {
                source.pack.release();
                released = *offset;
            }
        }
        source.pack.release();
        entries
    }

    fn classify(&self, body: &[u8], first: usize, rank: usize, by_name: &mut Vec<ByName>) -> (u32, State) {
        let offsets = &self.offsets[first..];
        let header = usize::try_from(offsets[rank]).ok().filter(|at| *at >= 12).and_then(|at| entry::header(body, at));
        match header.map(|header| header.link) {
            None => (NO_BASE, State::BROKEN),
            Some(Link::Whole(kind)) => (NO_BASE, State::of(kind)),
            Some(Link::Offset(at)) => match offsets[..rank].binary_search(&at) {
                Ok(base) => ((first + base) as u32, self.states[first + base]),
                Err(_) => (NO_BASE, State::BROKEN),
            },
            Some(Link::Id(id)) => {
                by_name.push(((first + rank) as u32, id));
                (NO_BASE, State::UNKNOWN)
            }
        }
    }

    fn keep(&mut self, Source { pack, borrowed, index, .. }: Source) {
        let first = (self.offsets.len() - index.len()) as u32;
        self.packs.push(Pack { bytes: pack, first, borrowed });
    }

    /// Numbers the objects as the only index does.
    fn name_after_index(&mut self, Source { pack, borrowed, index, .. }: Source, entries: Vec<u32>) {
        self.objects = vec![0; entries.len()];
        for (object, entry) in entries.iter().enumerate() {
            self.objects[*entry as usize] = object as u32;
        }
        self.primaries = entries;
        self.names = Names::of_index(index);
        self.packs.push(Pack { bytes: pack, first: 0, borrowed });
    }

    /// Numbers the objects of all sources: own copies before borrowed ones, packed before loose.
    fn name(&mut self, mut named: Vec<(ObjectId, u32)>) {
        let borrowed: Vec<bool> = self.packs.iter().map(|pack| pack.borrowed).collect();
        let is_borrowed = |entry: u32| match self.pack_of(entry) {
            Some(pack) => borrowed[pack],
            None => self.loose.is_borrowed(entry as usize - self.packed()),
        };
        // The stable sort merges runs that are sorted already, as indices are.
        named.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| (is_borrowed(*x), x).cmp(&(is_borrowed(*y), y))));
        let mut ids: Vec<ObjectId> = Vec::with_capacity(named.len());
        self.objects = vec![0; named.len()];
        for (id, entry) in named {
            if ids.last() == Some(&id) {
                self.duplicates.push((ids.len() as u32 - 1, entry));
            } else {
                ids.push(id);
                self.primaries.push(entry);
            }
            self.objects[entry as usize] = ids.len() as u32 - 1;
        }
        self.names = Names::of_table(ids);
    }

    /// Finds bases that are named by id, and from them every kind.
    fn link(&mut self, by_name: Vec<ByName>, inflater: &mut Inflater) {
        for (entry, id) in by_name {
            match self.names.find(&id).and_then(|object| self.nearest_copy(object, entry)) {
                Some(base) => self.bases[entry as usize] = base,
                None => self.states[entry as usize] = State::ORPHAN,
            }
        }
        let (packed, loose, names, objects) = (self.packed(), &self.loose, &self.names, &self.objects);
        let loose_kind = |entry: u32| {
            let id = names.id(objects[entry as usize]);
            loose.kind(entry as usize - packed, id, inflater).map_or(State::BROKEN, State::of)
        };
        super::links::resolve(&mut self.bases, &mut self.states, loose_kind);
        self.children = Children::new(&self.bases, self.entries());
        self.prefer_readable();
    }

    /// The copy of a base that is in the same pack as its delta, or else the one it is read from.
    fn nearest_copy(&self, object: u32, entry: u32) -> Option<u32> {
        let pack = self.pack_of(entry);
        let near = self.copies(object).find(|copy| *copy != entry && self.pack_of(*copy) == pack);
        near.or_else(|| self.copies(object).find(|copy| *copy != entry))
    }

    /// Where the copy an object is read from cannot be, and another of the same owner can, they swap.
    fn prefer_readable(&mut self) {
        for i in 0..self.duplicates.len() {
            let (object, entry) = self.duplicates[i];
            let primary = self.primary(object);
            let is_better = self.state(primary).is_damaged() && !self.state(entry).is_damaged();
            if is_better && self.is_borrowed(primary) == self.is_borrowed(entry) {
                self.primaries[object as usize] = entry;
                self.duplicates[i].1 = primary;
            }
        }
    }

    /// The number of entries in packs; loose ones follow.
    pub fn packed(&self) -> usize {
        self.offsets.len()
    }

    /// The number of entries.
    pub fn entries(&self) -> usize {
        self.packed() + self.loose.len()
    }

    /// The pack of an entry; none when it is loose.
    #[inline]
    pub fn pack_of(&self, entry: u32) -> Option<usize> {
        if entry as usize >= self.packed() {
            return None;
        }
        match self.packs.len() {
            1 => Some(0),
            _ => self.packs.partition_point(|pack| pack.first <= entry).checked_sub(1),
        }
    }

    /// The object that an entry is a copy of.
    #[inline]
    pub fn object(&self, entry: u32) -> u32 {
        self.objects[entry as usize]
    }

    /// The copy that an object is read from.
    #[inline]
    pub fn primary(&self, object: u32) -> u32 {
        self.primaries[object as usize]
    }

    /// All copies of an object, the one it is read from first.
    pub fn copies(&self, object: u32) -> impl Iterator<Item = u32> + '_ {
        let start = self.duplicates.partition_point(|(other, _)| *other < object);
        let further = self.duplicates[start..].iter().take_while(move |(other, _)| *other == object);
        std::iter::once(self.primary(object)).chain(further.map(|(_, entry)| *entry))
    }

    /// The entry that an entry is a delta of.
    #[inline]
    pub fn base(&self, entry: u32) -> Option<u32> {
        self.bases.get(entry as usize).copied().filter(|base| *base != NO_BASE)
    }

    /// What is known about an entry; a loose object's kind may not be known yet.
    pub fn state(&self, entry: u32) -> State {
        match self.states.get(entry as usize) {
            Some(state) => *state,
            None => self.loose.known_kind(entry as usize - self.packed()).map_or(State::UNKNOWN, State::of),
        }
    }

    /// The kind of an entry; a loose object is opened for it the first time.
    pub fn kind(&self, entry: u32, inflater: &mut Inflater) -> Option<Kind> {
        match entry.checked_sub(self.packed() as u32) {
            None => self.state(entry).kind(),
            Some(number) => self.loose.kind(number as usize, self.names.id(self.object(entry)), inflater),
        }
    }

    /// Whether an entry is in a borrowed folder.
    pub fn is_borrowed(&self, entry: u32) -> bool {
        match self.pack_of(entry) {
            Some(pack) => self.packs[pack].borrowed,
            None => self.loose.is_borrowed(entry as usize - self.packed()),
        }
    }

    /// The stream of a packed entry.
    pub fn stream(&self, entry: u32) -> Option<Stream<'_>> {
        // The fast loop of inflate wants 15 bytes after the stream; a checksum and other entries follow it anyway.
        const AFTER: usize = 64;
        let number = self.pack_of(entry)?;
        let pack = &self.packs[number];
        let body = pack.body();
        let header = entry::header(body, usize::try_from(self.offsets[entry as usize]).ok()?)?;
        let end = self.end(entry, number).unwrap_or(body.len()).min(body.len());
        let length = end.checked_sub(header.data)?;
        let bytes = &pack.bytes[header.data..(end + AFTER).min(pack.bytes.len())];
        Some(Stream { size: header.size, bytes, length })
    }

    /// Where the next entry of the same pack starts.
    fn end(&self, entry: u32, pack: usize) -> Option<usize> {
        let last = self.packs.get(pack + 1).map_or(self.packed(), |next| next.first as usize);
        let own = self.offsets[entry as usize];
        let next = self.offsets[entry as usize + 1..last].iter().find(|offset| **offset > own)?;
        usize::try_from(*next).ok()
    }
}

/// The compressed stream of a packed entry.
pub struct Stream<'a> {
    /// What it inflates to, as declared.
    pub size: u64,
    /// The stream and a few bytes that follow it.
    pub bytes: &'a [u8],
    /// How long the stream can be.
    pub length: usize,
}
