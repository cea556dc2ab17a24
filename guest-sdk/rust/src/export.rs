//! The macro that makes a crate a plugin, and the slot that holds the plugin's value.
//!
//! The macro is as small as possible: on Wasm it exports `tollgate:plugin/handler`, elsewhere the
//! one symbol that a host looks for in a twin. Everything else is in functions.

use std::cell::RefCell;

use crate::plugin::{Fault, Frame, Output, Plugin};

/// Exports a type that implements [`Plugin`] as the plugin. Use it once per crate; the crate's type
/// is `cdylib` (add `rlib` for tests and benchmarks).
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        #[allow(
            unsafe_code,
            reason = "an exported symbol, as the component model names it"
        )]
        const _: () = {
            ::std::thread_local! {
                static SLOT: $crate::__private::Slot<$plugin> =
                    const { $crate::__private::Slot::new() };
            }
            struct Handler;
            impl $crate::__private::handler::Guest for Handler {
                fn handle(
                    frame: $crate::__private::handler::Frame,
                ) -> ::core::result::Result<
                    ::std::vec::Vec<$crate::__private::handler::Output>,
                    $crate::__private::handler::Fault,
                > {
                    SLOT.with(|slot| $crate::__private::handle(slot, frame))
                }
            }
            $crate::__private::bindings::export_handler!(
                Handler with_types_in $crate::__private::bindings
            );
        };
        #[cfg(not(target_family = "wasm"))]
        #[allow(
            unsafe_code,
            reason = "an exported symbol; the function itself is safe"
        )]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn tollgate_twin_v2() -> $crate::__private::Twin {
                $crate::__private::twin::<$plugin>()
            }
        };
    };
}

/// Holds the plugin of an instance, which is made when it is first needed.
#[doc(hidden)]
pub struct Slot<P>(RefCell<Option<P>>);

impl<P: Plugin> Slot<P> {
    /// An empty slot.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Passes the frame to the plugin, which is made first if necessary.
    pub fn handle(&self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        self.with(|plugin| plugin.handle(frame))
    }

    /// Whether no plugin was made yet.
    #[cfg(target_family = "wasm")]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.try_borrow().is_ok_and(|slot| slot.is_none())
    }

    /// Makes the plugin where there is none yet.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn fill(&self) -> Result<(), Fault> {
        self.with(|_| Ok(()))
    }

    /// Takes the plugin out, so that the next frame gets a new one.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn take(&self) -> Option<P> {
        self.0.try_borrow_mut().ok()?.take()
    }

    fn with<T>(&self, body: impl FnOnce(&mut P) -> Result<T, Fault>) -> Result<T, Fault> {
        // Only a plugin that calls its own export could get here twice.
        let mut slot = self.0.try_borrow_mut().map_err(|_| {
            Fault::Internal("the plugin is busy with another frame: hand it one at a time".into())
        })?;
        match slot.as_mut() {
            Some(plugin) => body(plugin),
            None => body(slot.insert(P::new()?)),
        }
    }
}
