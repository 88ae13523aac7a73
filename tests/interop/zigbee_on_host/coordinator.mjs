// zigbee-on-host as a coordinator on an emulated RCP, told what to do and telling what happens in lines of JSON.
//
//   node coordinator.mjs '{"port": 5000, "saveDir": "...", "eui64": "...", "panId": 4660, ...}'
//
// In:  {"do": "permit", "seconds": 180} | {"do": "installCode", "eui64": "...", "code": "..."} | {"do": "stop"}
//      {"do": "unicast", "to": 1, "profile": 265, "cluster": 1794, "endpoint": 1, "payload": "..."}
// Out: {"event": "formed" | "joined" | "rejoined" | "authorized" | "left" | "frame" | "done" | "failed" | "fatal", ...}
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { OTRCPDriver } = require("zigbee-on-host");
const { setLogger } = require("zigbee-on-host/dist/utils/logger.js");

const options = JSON.parse(process.argv[2]);
const tell = (event, rest = {}) => process.stdout.write(`${JSON.stringify({ event, ...rest })}\n`);
const eui64 = (value) => (value === undefined ? undefined : value.toString(16).padStart(16, "0"));
const number64 = (text) => BigInt(`0x${text}`);
// Standard output is for events alone.
const log = (level) => (message) =>
    options.log && process.stderr.write(`${level}: ${typeof message === "function" ? message() : message}\n`);
setLogger({ debug: log("debug"), info: log("info"), warning: log("warning"), error: log("error") });

class Line extends EventEmitter {
    constructor(socket) {
        super();
        this.socket = socket;
        socket.on("data", (octets) => this.emit("data", octets));
        socket.on("error", (error) => tell("fatal", { message: String(error) }));
        socket.on("close", () => process.exit(0));
    }
    write(octets) {
        return this.socket.write(octets);
    }
}

const callbacks = {
    onFatalError: (message) => tell("fatal", { message }),
    onMACFrame: () => {},
    onGPFrame: () => {},
    onFrame: (from16, from64, header, payload) =>
        tell("frame", {
            from: from16,
            eui64: eui64(from64),
            cluster: header.clusterId,
            profile: header.profileId,
            endpoint: header.sourceEndpoint,
            payload: Buffer.from(payload).toString("hex"),
        }),
    onDeviceJoined: (short, long) => tell("joined", { short, eui64: eui64(long) }),
    onDeviceRejoined: (short, long) => tell("rejoined", { short, eui64: eui64(long) }),
    onDeviceLeft: (short, long) => tell("left", { short, eui64: eui64(long) }),
    onDeviceAuthorized: (short, long) => tell("authorized", { short, eui64: eui64(long) }),
};

const streamRaw = {
    txChannel: options.channel,
    ccaBackoffAttempts: 4,
    ccaRetries: 3,
    enableCSMACA: true,
    headerUpdated: true,
    reTx: false,
    securityProcessed: true,
    txDelay: 0,
    txDelayBaseTime: 0,
    rxChannelAfterTxDone: options.channel,
};

const network = {
    eui64: Buffer.from(options.eui64, "hex").readBigUInt64BE(0),
    panId: options.panId,
    extendedPanId: number64(options.extendedPanId),
    channel: options.channel,
    nwkUpdateId: 0,
    txPower: 5,
    networkKey: Buffer.from(options.networkKey, "hex"),
    networkKeyFrameCounter: 0,
    networkKeySequenceNumber: 0,
    tcKey: Buffer.from(options.tcKey, "hex"),
    tcKeyFrameCounter: 0,
};

const socket = connect(options.port, "127.0.0.1");
socket.setNoDelay(true);
const driver = new OTRCPDriver(new Line(socket), callbacks, streamRaw, network, options.saveDir);

const orders = {
    permit: ({ seconds }) => driver.context.allowJoins(seconds, true),
    installCode: (order) => driver.context.addInstallCode(number64(order.eui64), Buffer.from(order.code, "hex")),
    unicast: (order) =>
        driver.sendUnicast(
            Buffer.from(order.payload, "hex"), order.profile, order.cluster, order.to, undefined, order.endpoint, 1,
        ),
    stop: async () => {
        await driver.stop();
        socket.destroy();
    },
};

createInterface({ input: process.stdin })
    .on("line", async (line) => {
        const order = JSON.parse(line);
        try {
            await orders[order.do](order);
            tell("done", { do: order.do });
        } catch (error) {
            tell("failed", { do: order.do, message: String(error) });
        }
    })
    // A test that died leaves no coordinator behind.
    .on("close", () => process.exit(0));

socket.on("connect", async () => {
    try {
        await driver.start();
        await driver.formNetwork();
        tell("formed", { version: driver.ncpVersion });
    } catch (error) {
        tell("fatal", { message: String(error.stack ?? error) });
        process.exit(1);
    }
});
