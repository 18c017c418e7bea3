//! Opening, and what is refused.

use crate::both::both;
use refloat_store::Store;

both! {
    async fn the_region_stays(store: TestStore) {
        let region = store.region().clone();
        let store = store.reopen().await;
        assert_eq!(*store.region(), region);
    }
}

#[test]
fn a_second_process_is_refused_by_name() {
    crate::both::on_sqlite(async |store| {
        let refused = Store::open(store.place().options()).await.err().expect("in use").to_string();
        assert!(refused.contains(&format!("is in use by process {}", std::process::id())), "{refused}");
    });
}
