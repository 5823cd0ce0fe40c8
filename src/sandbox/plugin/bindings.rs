//! The types and traits of `guest-sdk/wit`, for the host's side. WASI comes from `wasmtime_wasi`.

wasmtime::component::bindgen!({
    inline: "
        package flowcell:host;

        world caller {
            import flowcell:plugin/logging@1.0.0;
            import flowcell:plugin/config@1.0.0;
            import flowcell:plugin/secrets@1.0.0;
            import flowcell:plugin/kv@1.0.0;
            import flowcell:plugin/http@1.0.0;
            export flowcell:plugin/handler@1.0.0;
        }
    ",
    path: "../../guest-sdk/wit",
    world: "flowcell:host/caller",
    imports: { default: async | trappable },
    exports: { default: async },
});
