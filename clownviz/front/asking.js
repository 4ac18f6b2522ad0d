// @ts-check
/** The script that a picture of numbers brings along where it is shown alone. */
import { openPictures } from "./ask.js";

openPictures(document);
