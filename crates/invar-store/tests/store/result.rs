use std::collections::BTreeMap;

use invar_store::Store;

use crate::{entry, fixture, overwrite};

#[test]
fn a_result_is_kept_and_replaced() {
    let fixture = fixture();
    let key = crate::key("solve");
    assert_eq!(fixture.store.result::<Vec<String>>(&key).unwrap(), None);
    fixture.store.put_result(&key, &["a\nb", "c"]).unwrap();
    let again = Store::open(fixture.store.path()).unwrap();
    assert_eq!(again.result(&key).unwrap(), Some(vec!["a\nb".to_owned(), "c".to_owned()]));
    again.put_result(&key, &[""; 0]).unwrap();
    assert_eq!(fixture.store.result::<Vec<String>>(&key).unwrap(), Some(vec![]));
}

#[test]
fn a_damaged_result_is_absent_and_can_be_made_again() {
    let fixture = fixture();
    let key = crate::key("count");
    fixture.store.put_result(&key, &1234).unwrap();
    let path = entry(&fixture.store, "results", &key).with_extension("json");
    assert_eq!(std::fs::read(&path).unwrap(), b"1234\n");
    // What a crash may leave: nothing, a part that is JSON, zeros; and what another version wrote.
    for damage in [b"".as_slice(), b"12", b"\0\0\0\0\0", b"{\"count\":12}\n", b"\xff\n"] {
        overwrite(&path, damage);
        assert_eq!(fixture.store.result::<u32>(&key).unwrap(), None, "{damage:?}");
        fixture.store.put_result(&key, &1234).unwrap();
        assert_eq!(fixture.store.result::<u32>(&key).unwrap(), Some(1234));
    }
}

#[test]
fn a_result_that_is_no_json_is_an_error() {
    let fixture = fixture();
    let result = BTreeMap::from([((1, 2), 3)]);
    let error = fixture.store.put_result(&crate::key("bad"), &result).unwrap_err();
    assert!(matches!(error, invar_store::StoreError::Encode { .. }), "{error:?}");
}
