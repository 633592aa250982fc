# Lists.
lib:
let
  inherit (builtins) length elemAt genList filter foldl' head tail;
in
{
  singleton = x: [ x ];
  forEach = list: f: map f list;
  foldr = f: nul: list:
    let
      n = length list;
      from = i: if i == n then nul else f (elemAt list i) (from (i + 1));
    in from 0;
  fold = lib.foldr;
  foldl = f: nul: list:
    let upto = i: if i == 0 then nul else f (upto (i - 1)) (elemAt list (i - 1));
    in upto (length list);
  imap0 = f: list: genList (i: f i (elemAt list i)) (length list);
  imap1 = f: list: genList (i: f (i + 1) (elemAt list i)) (length list);
  ifilter0 = f: list:
    map (i: elemAt list i) (filter (i: f i (elemAt list i)) (genList (i: i) (length list)));
  flatten = x: if !(invar.isSymbol x) && builtins.isList x then builtins.concatMap lib.flatten x else [ x ];
  remove = x: filter (y: y != x);
  findSingle = matches: none: several: list:
    let found = filter matches list;
    in if found == [ ] then none else if length found == 1 then head found else several;
  findFirst = matches: default: list:
    let found = filter matches list; in if found == [ ] then default else head found;
  findFirstIndex = matches: default: list:
    let found = filter (i: matches (elemAt list i)) (genList (i: i) (length list));
    in if found == [ ] then default else head found;
  count = matches: list: foldl' (n: x: if matches x then n + 1 else n) 0 list;
  optional = condition: x: if condition then [ x ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  toList = x: if !(invar.isSymbol x) && builtins.isList x then x else [ x ];
  range = first: last: if first > last then [ ] else genList (i: first + i) (last - first + 1);
  replicate = n: x: genList (_: x) n;
  reverseList = list: let n = length list; in genList (i: elemAt list (n - 1 - i)) n;
  sortOn = key: list: builtins.sort (a: b: key a < key b) list;
  naturalSort = list: builtins.sort (a: b: a < b) list;
  compareLists = compare: a: b:
    if a == [ ] then (if b == [ ] then 0 else -1)
    else if b == [ ] then 1
    else
      let first = compare (head a) (head b);
      in if first == 0 then lib.compareLists compare (tail a) (tail b) else first;
  take = n: list: genList (elemAt list) (lib.min n (length list));
  takeEnd = n: list: lib.drop (lib.max 0 (length list - n)) list;
  drop = n: list:
    let all = length list; in genList (i: elemAt list (i + n)) (lib.max 0 (all - n));
  dropEnd = n: list: lib.take (lib.max 0 (length list - n)) list;
  sublist = start: count: list: lib.take count (lib.drop start list);
  hasPrefixList = prefix: list: lib.take (length prefix) list == prefix;
  commonPrefix = a: b:
    if a == [ ] || b == [ ] || head a != head b then [ ]
    else [ (head a) ] ++ lib.commonPrefix (tail a) (tail b);
  removePrefixList = prefix: list: lib.drop (length prefix) list;
  last = list: if list == [ ] then throw "lib.last: the list is empty" else elemAt list (length list - 1);
  init = list: if list == [ ] then throw "lib.init: the list is empty" else lib.take (length list - 1) list;
  unique = list: foldl' (seen: x: if builtins.elem x seen then seen else seen ++ [ x ]) [ ] list;
  uniqueStrings = list: builtins.attrNames (builtins.listToAttrs (map (name: { inherit name; value = null; }) list));
  allUnique = list: length (lib.unique list) == length list;
  intersectLists = a: filter (x: builtins.elem x a);
  subtractLists = a: filter (x: !(builtins.elem x a));
  mutuallyExclusive = a: b: lib.intersectLists a b == [ ];
  concatLists = builtins.concatLists;
  zipListsWith = f: a: b:
    genList (i: f (elemAt a i) (elemAt b i)) (lib.min (length a) (length b));
  zipLists = lib.zipListsWith (fst: snd: { inherit fst snd; });
  crossLists = f: lists: foldl' (fs: list: builtins.concatMap (g: map g list) fs) [ f ] lists;
  groupBy' = op: nul: key: list:
    builtins.mapAttrs (_: members: foldl' op nul members) (builtins.groupBy key list);
  toposort = before: list:
    let
      go = done: rest:
        let
          free = lib.findFirstIndex (x: !(builtins.any (y: y != x && before y x) rest)) null rest;
          x = elemAt rest free;
        in
        if rest == [ ] then { result = done; }
        else if free == null then { cycle = rest; loops = [ ]; }
        else go (done ++ [ x ]) (lib.take free rest ++ lib.drop (free + 1) rest);
    in go [ ] list;
}
