/** Pictures of many states on one sheet, compared with the sheet that was accepted. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { env } from "node:process"
import pixelmatch from "pixelmatch"
import { PNG } from "pngjs"

const acceptedFolder = "test/data/pictures"
const foundFolder = "dist/pictures"

/** Whether this run accepts what it finds (`npm run pictures`). */
const accepts = env["CHOIR_PICTURES"] === "accept"

/** The browser and the fonts that the accepted pictures were taken with. */
const environmentFile = path.join(acceptedFolder, "environment.json")

/** The share of a picture that may differ where letters have other shapes: a broken layout or theme differs in more. */
const otherFontsShare = 0.2

/** How many pixels may differ in a square of this edge: the edges of letters are not drawn the same every time. */
const square = { edge: 16, pixels: 16 }

/** The width of a sheet, at most. */
const sheetWidth = 3_000

/** Shades of each colour: what is between them makes a file twice as large and shows nothing. */
const shades = 24

/** A picture and its name. */
export interface NamedPicture {
  readonly name: string
  readonly png: Buffer
}

const crop = (sheet: PNG, x: number, y: number, width: number, height: number): PNG => {
  const part = new PNG({ width, height })
  if (x + width <= sheet.width && y + height <= sheet.height) PNG.bitblt(sheet, part, x, y, width, height, 0, 0)
  return part
}

/**
 * Whether pictures that are taken in an environment can be compared closely with the accepted ones. Accepting records the
 * environment.
 */
export const isSameEnvironment = (environment: string): boolean => {
  if (accepts) {
    mkdirSync(acceptedFolder, { recursive: true })
    writeFileSync(environmentFile, `${environment}\n`)
  }
  return existsSync(environmentFile) && readFileSync(environmentFile, "utf8").trim() === environment
}

/**
 * Compares pictures of one size with those on the sheet that was accepted under a name, and returns which differ. Then
 * the sheet that was found and the differences are in `dist/pictures`. In another environment only large ones count.
 */
export const comparePictures = (
  sheetName: string,
  pictures: ReadonlyArray<NamedPicture>,
  isSameEnvironment: boolean
): ReadonlyArray<string> => {
  const parts = pictures.map(({ png }) => PNG.sync.read(png))
  const { height, width } = parts[0]!
  const columns = Math.max(1, Math.floor(sheetWidth / width))
  const found = new PNG({ width: columns * width, height: Math.ceil(parts.length / columns) * height })
  const place = (index: number) => [index % columns * width, Math.floor(index / columns) * height] as const
  for (const [index, part] of parts.entries()) PNG.bitblt(part, found, 0, 0, width, height, ...place(index))
  round(found)
  const acceptedFile = path.join(acceptedFolder, `${sheetName}.png`)
  if (accepts) {
    write(acceptedFile, found)
    return []
  }
  const accepted = existsSync(acceptedFile)
    ? PNG.sync.read(readFileSync(acceptedFile))
    : new PNG({ width: 1, height: 1 })
  const differences = new PNG({ width: found.width, height: found.height })
  const differing = pictures.flatMap(({ name }, index) => {
    const difference = new PNG({ width, height })
    const [before, after] = [accepted, found].map((sheet) => crop(sheet, ...place(index), width, height).data)
    const options = isSameEnvironment ? { windowSize: square.edge } : {}
    const pixels = pixelmatch(before!, after!, difference.data, width, height, options)
    PNG.bitblt(difference, differences, 0, 0, width, height, ...place(index))
    return pixels > (isSameEnvironment ? square.pixels : width * height * otherFontsShare) ? [name] : []
  })
  if (differing.length > 0) {
    write(path.join(foundFolder, `${sheetName}.png`), found)
    write(path.join(foundFolder, `${sheetName}-differences.png`), differences)
  }
  return differing
}

const round = ({ data }: PNG): void => {
  const step = 255 / (shades - 1)
  for (let index = 0; index < data.length; index++) data[index] = Math.round(data[index]! / step) * step
}

const write = (file: string, sheet: PNG): void => {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, PNG.sync.write(sheet, { deflateLevel: 9, colorType: 2 }))
}
