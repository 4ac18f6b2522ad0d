// @ts-check
/** The script that a summary brings along where it is shown alone. */
import { sortTables } from "./sort.js";

sortTables(document);
