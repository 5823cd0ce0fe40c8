// Stands in for the server under `node --import flowcell-plugin/testing/register --test`: see host.js.
import { register } from "node:module";

register("./hooks.js", import.meta.url);
