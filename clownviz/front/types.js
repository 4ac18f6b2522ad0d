// @ts-check
/**
 * What the kernel sends and the modules of the page pass to each other. Types only, no code.
 *
 * @typedef {object} Repeat a run of siblings, or of groups of siblings, that are built alike
 * @property {number} count how often the group stands there
 * @property {string[]} first the paths of the first group
 *
 * @typedef {object} SceneModule one row of the tree
 * @property {string} path "" is the model itself
 * @property {string} name
 * @property {string} kind
 * @property {string} family
 * @property {number} depth
 * @property {number} params
 * @property {string} input
 * @property {string} output
 * @property {number} calls
 * @property {string[]} tied paths of modules that share a parameter with this one
 * @property {Repeat | null} repeat
 * @property {string} [extra] its settings
 * @property {string | null} [like] the path of an equal module before it
 * @property {string} [error] what this module raised
 *
 * @typedef {object} Scene
 * @property {string} title
 * @property {string} summary
 * @property {SceneModule[]} modules parents before children
 * @property {string | null} diagram SVG text whose node groups carry the id "node:<path>"
 * @property {string[]} [notes]
 * @property {string} [error]
 *
 * @typedef {object} Histogram
 * @property {number[]} edges
 * @property {number[]} counts
 *
 * @typedef {"activation" | "weight" | "gradient"} Role
 * @typedef {"maps" | "heatmap" | "vector" | "none"} Layout
 *
 * @typedef {object} ArrayFacts one array of a module: what its bytes mean
 * @property {string} key
 * @property {string} title
 * @property {number | null} call which call of the module it belongs to; null for weights
 * @property {Role} role
 * @property {Layout} layout
 * @property {number[]} shape of the codes: [maps, rows, cols], [rows, cols] or [length]
 * @property {number[]} full_shape of the tensor
 * @property {string} dtype of the tensor
 * @property {string} text one line on what is shown: "sample 0 of 32"
 * @property {((number | string)[] | null)[]} index of each kept place; null is all
 * @property {(number | null)[]} cuts the place before which an axis leaves out its middle
 * @property {number | null} columns how many maps make a row, where rows mean something
 * @property {number[]} prefix the leading indices that were chosen
 * @property {boolean} signed
 * @property {number} lo
 * @property {number} hi
 * @property {number} limit where colours end for the whole array
 * @property {number} model_limit the same for all arrays of the role
 * @property {number[]} limits the same for each map
 * @property {number[]} ranges the magnitude of the last code of each map
 * @property {number} offset
 * @property {number} length
 * @property {[string, string][]} stats
 * @property {Histogram | null} histogram
 *
 * @typedef {object} Detail
 * @property {string} path
 * @property {string} kind
 * @property {string} code
 * @property {[string, string][]} facts
 * @property {ArrayFacts[]} arrays
 * @property {string} [error]
 * @property {string[]} [notes]
 *
 * @typedef {"unit" | "module" | "model"} ScaleName
 *
 * @typedef {object} Model what a widget's front end has, or the page's shim
 * @property {(key: string) => any} get
 * @property {(key: string, value: any) => void} set
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {(event?: string | null, callback?: ((...args: any[]) => void) | null) => void} off
 * @property {() => void} save_changes
 * @property {(content: any) => void} [send]
 */
export {};
